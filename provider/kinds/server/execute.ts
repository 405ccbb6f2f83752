import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { z } from "zod";
import { CONFIG_PATH } from "../../../backup/paths";
import { rowsOf, readRows } from "../../catalog-query";
import { connect } from "../../connection";
import type { Host } from "../../host";
import type { Operation } from "../../kind";
import { untilReady } from "../../readiness";
import { withDatabase } from "../../session";
import { setSuperuserSettings } from "../../superuser-settings";
import { restoreFormerFiles, CONFIGURATION_ID } from "../configuration/files";
import { changedParameters } from "../configuration/compare";
import { observe, SETTINGS_REJECTED, RULES_REJECTED } from "./catalog";
import type { ServerInputs, ServerState } from "./inputs";

/** Longest shutdown of PostgreSQL, with its checkpoint, before it is killed; seconds. */
export const STOP_WITHIN_S = 120;

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
export async function activateOrRevert(inputs: ServerInputs, operation: Operation): Promise<ServerState> {
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
