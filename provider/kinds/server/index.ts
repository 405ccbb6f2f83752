import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { z } from "zod";
import { CONFIG_PATH } from "../../../backup/paths";
import { applyModeOf, findParameter } from "../../../tuning/catalogue";
import { catalogQuery, readRows, rowsOf, type RowOf } from "../../catalog-query";
import { connect } from "../../connection";
import type { Host } from "../../host";
import type { Kind, Operation } from "../../kind";
import { untilReady, whyDown } from "../../readiness";
import { ask, withDatabase } from "../../session";
import { readSuperuserSettings, setSuperuserSettings, SUPERUSER_SETTINGS } from "../../superuser-settings";
import { UNKNOWN } from "../../unknown";
import { CONFIGURATION_ID, restoreFormerFiles } from "../configuration";
import { alignShown, changedParameters, sameValue, withUnit, type Parameters } from "../configuration/parameters";
import { declaration, type ServerInputs, type ServerState } from "./inputs";

/** Longest shutdown of PostgreSQL, with its checkpoint, before it is killed; seconds. */
export const STOP_WITHIN_S = 120;

export const SETTINGS_IN_EFFECT = catalogQuery("settings-in-effect", { name: z.string(), setting: z.string() });

/**
 * Values in effect, in base units, by the given names (PostgreSQL's spelling may differ: TimeZone). For parameters that this session
 * sets itself, the values of the files.
 */
async function inEffect(client: Client, names: string[]): Promise<Parameters> {
  const rows = await readRows(client, SETTINGS_IN_EFFECT, names);
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}

export const SERVER_STATE = catalogQuery("server-state", {
  configuration: z.string(),
  verifier: z.string(),
  version: z.string(),
  alterSystem: z.record(z.string(), z.string()),
});

/** Reads the values in effect. One that equals its wanted value is given in the wanted spelling. */
async function observe(client: Client, inputs: ServerInputs) {
  const [state] = await readRows(client, SERVER_STATE, CONFIGURATION_ID);
  const parameters = alignShown(await inEffect(client, Object.keys(inputs.parameters)), inputs.parameters);
  return {
    ...(state as RowOf<typeof SERVER_STATE>),
    parameters,
    superuserSettings: await readSuperuserSettings(client),
  };
}

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
async function plan(
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

/** Makes the running server use the configuration files. */
async function activate(host: Host, inputs: ServerInputs, { info }: Operation): Promise<ServerState> {
  const container = await host.inspect();
  // A container that exits repeatedly is restarted at once, since the engine's pauses between its restarts grow.
  if (container && !container.running)
    await host.docker([container.status === "restarting" ? "restart" : "start", host.container]);
  await untilReady(host);

  // The socket needs no password, so the password can be set whatever it was. The statement has only the verifier.
  const pending = await withDatabase(host, "postgres", async (client) => {
    await client.query(`ALTER ROLE postgres PASSWORD ${client.escapeLiteral(inputs.verifier)}`);
    const altered = await rowsOf(
      client,
      {},
      "SELECT FROM pg_catalog.pg_file_settings WHERE sourcefile LIKE '%postgresql.auto.conf'",
    );
    await setSuperuserSettings(host);
    if (altered.length > 0)
      await host.docker(["exec", host.container, "sh", "-c", ': > "$PGDATA/postgresql.auto.conf"']);
    return reload(client, inputs);
  });

  if (pending.length > 0) {
    if (inputs.restartPolicy === "forbid")
      throw new Error(
        `${pending.join(", ")}: needs a restart, and restartPolicy is "forbid"; set server.restartPolicy to "allow"`,
      );
    // A server that rejects its configuration would not start again, so another postgres process reads the files first.
    await host.docker([
      "exec",
      host.container,
      "sh",
      "-c",
      `exec postgres -D "$PGDATA" -c config_file=${CONFIG_PATH}/postgresql.conf -C max_connections`,
    ]);
    info(`restarting PostgreSQL for ${pending.join(", ")}`);
    await host.docker(["restart", "--time", String(STOP_WITHIN_S), host.container]);
    await untilReady(host);
  }

  const now = await asNewSession(host, (client) => observe(client, inputs));
  const wrong = changedParameters(now.parameters, inputs.parameters);
  if (wrong.length > 0 || now.configuration !== inputs.configuration) {
    const each = wrong.map((name) => `${name} is ${now.parameters[name]} instead of ${inputs.parameters[name]}`);
    throw new Error(
      `the server did not apply the configuration: ${each.join("; ") || "it has loaded another version of the file"}`,
    );
  }
  return { ...inputs, ...now };
}

/** The same; after a failure, the former files and values are in effect again. */
async function activateOrRevert(inputs: ServerInputs, operation: Operation): Promise<ServerState> {
  const { host, warn } = operation;
  try {
    return await activate(host, inputs, operation);
  } catch (error) {
    if (!inputs.volume || !inputs.image || !(await restoreFormerFiles(host, inputs.volume, inputs.image))) throw error;
    try {
      const runs =
        (await host.inspect())?.running && (await withDatabase(host, "postgres", reloadOnly).catch(() => false));
      if (!runs) await host.docker(["restart", "--time", String(STOP_WITHIN_S), host.container]);
      await untilReady(host);
      warn("the former configuration is in effect again");
    } catch (problem) {
      warn(`the former configuration was restored, but the server does not run: ${(problem as Error).message}`);
    }
    throw error;
  }
}

async function reloadOnly(client: Client): Promise<boolean> {
  await client.query("SELECT pg_catalog.pg_reload_conf()");
  return true;
}

/** Runs `use` in a new session, since open sessions keep the former value of some parameters. */
async function asNewSession<T>(host: Host, use: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(host, "postgres");
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

export const SETTINGS_REJECTED = catalogQuery("settings-rejected", {
  sourcefile: z.string().nullable(),
  sourceline: z.number().nullable(),
  name: z.string().nullable(),
  error: z.string(),
});
export const RULES_REJECTED = catalogQuery("rules-rejected", { file: z.string(), line: z.number(), error: z.string() });

/** Reloads the configuration and returns the parameters that wait for a restart. */
async function reload(client: Client, inputs: ServerInputs): Promise<string[]> {
  const bad = await readRows(client, SETTINGS_REJECTED);
  const badRules = await readRows(client, RULES_REJECTED);
  if (bad.length + badRules.length > 0) {
    const lines = [
      ...bad.map((row) => `${row.sourcefile}:${row.sourceline} ${row.name ?? ""}: ${row.error}`),
      ...badRules.map((row) => `${row.file}:${row.line}: ${row.error}`),
    ];
    throw new Error(`PostgreSQL rejects its configuration:\n${lines.join("\n")}`);
  }
  await client.query("SELECT pg_reload_conf()");
  for (let tries = 0; tries < 50; tries += 1) {
    const [now] = await rowsOf(
      client,
      { loaded: z.boolean().nullable(), pending: z.array(z.string()) },
      `SELECT pg_catalog.current_setting($1, true) = $2 AS loaded,
         ARRAY(SELECT name::text FROM pg_catalog.pg_settings WHERE pending_restart ORDER BY 1) AS pending`,
      [CONFIGURATION_ID, inputs.configuration],
    );
    if (now?.loaded) return now.pending;
    await sleep(100);
  }
  throw new Error(`the server did not load its configuration within 5 s`);
}

/** The running server: it is started, accepts connections, and uses its configuration. */
export const server: Kind<ServerInputs, ServerState> = {
  declaration,
  notCompared: ["restartPolicy", "volume", "image"],
  explain: plan,
  async create(inputs, operation) {
    if (operation.preview) return { id: operation.host.container, state: { ...inputs, version: UNKNOWN } };
    return { id: operation.host.container, state: await activateOrRevert(inputs, operation) };
  },
  async read(_id, state, inputs, { host, warn }) {
    const found = await ask(host, "postgres", (client) => observe(client, inputs), undefined);
    if (found) return { ...state, running: true, ...found };
    const why = await whyDown(host);
    if (why) warn(why.message);
    return { ...state, running: false };
  },
  async update(_id, old, inputs, operation) {
    if (operation.preview) return { ...inputs, version: old.version };
    return activateOrRevert(inputs, operation);
  },
  // The server is removed with its container.
  delete: async () => undefined,
};
