import { findParameter, applyModeOf } from "../../../tuning/catalogue";
import type { Host } from "../../host";
import type { Operation } from "../../kind";
import { ask } from "../../session";
import { SUPERUSER_SETTINGS } from "../../superuser-settings";
import { changedParameters, sameValue, withUnit } from "../configuration/compare";
import { inEffect } from "./catalog";
import type { ServerState, ServerInputs } from "./inputs";

interface Change {
  name: string;
  /** "NAME old -> new", with units. */
  text: string;
  restart: boolean;
}

/** Changes of the values in effect; a parameter that is no longer set gets PostgreSQL's default. */
async function pendingChanges(host: Host, old: ServerState, inputs: ServerInputs): Promise<Change[]> {
  const names = changedParameters(old.parameters, inputs.parameters);
  const live = await ask(host, "postgres", (client) => inEffect(client, names), old.parameters);
  return names.flatMap((name) => {
    const target = inputs.parameters[name] ?? findParameter(name)?.default ?? "";
    const now = live[name];
    if (now !== undefined && sameValue(name, now, target)) return [];
    const from = now === undefined ? "not set" : withUnit(name, now);
    const to = inputs.parameters[name] ?? `${withUnit(name, target)} (default)`;
    return [{ name, text: `${name} ${from} -> ${to}`, restart: applyModeOf(name) === "restart" }];
  });
}

/** Reports how each changed parameter takes effect, and refuses a restart that is not allowed. */
export async function plan(
  old: ServerState | undefined,
  inputs: ServerInputs,
  { host, info, warn, hazard }: Operation,
): Promise<void> {
  if (!old) return;
  if (!old.running) return warn("the server is stopped: the update starts it");
  if (old.containerId !== inputs.containerId) {
    hazard("restart", "the server moves into a new container");
    if (inputs.restartPolicy === "forbid") {
      throw new Error(
        'another container means a restart of PostgreSQL, and restartPolicy is "forbid"; set server.restartPolicy to "allow", ' +
          "or leave image, memory, cpus, port and address as they are",
      );
    }
  }
  for (const name of Object.keys(old.alterSystem)) warn(`${name} was set by ALTER SYSTEM: the update resets it`);
  if (old.verifier !== inputs.verifier) info("the superuser's password is set to the declared one");
  for (const [name, value] of Object.entries(SUPERUSER_SETTINGS)) {
    const now = old.superuserSettings?.[name];
    if (now !== value)
      info(`sessions of role postgres begin with ${name} = ${value}${now === undefined ? "" : `, not ${now}`}`);
  }
  const changes = await pendingChanges(host, old, inputs);
  for (const { name, text, restart } of changes) {
    if (restart) hazard("restart", text);
    else info(`${applyModeOf(name)}: ${text}`);
  }
  const restart = changes.filter((change) => change.restart);
  if (restart.length > 0 && inputs.restartPolicy === "forbid") {
    throw new Error(
      `${restart.map(({ text }) => text).join(", ")}: needs a restart of PostgreSQL, and restartPolicy is "forbid"; ` +
        'set server.restartPolicy to "allow", or leave the parameter as it is',
    );
  }
}
