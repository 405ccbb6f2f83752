import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { canonicalValue, effectOf } from "../../tuning/catalogue";
import type { Host } from "../host";
import { UNKNOWN, type Kind, type Operation } from "../kind";
import { withDatabase } from "../session";
import { alignValues, CONFIGURATION_ID } from "./configuration";

export interface ServerInputs {
  /** Id of the container, so that another container means another look. */
  containerId: string;
  /** Always true: what should be. */
  running: boolean;
  /** What should be in effect. */
  parameters: Record<string, string>;
  /** Name of the configuration that should be loaded (see configurationId). */
  configuration: string;
  /** SCRAM verifier of the superuser's password. */
  verifier: string;
  /** Parameters set by ALTER SYSTEM, which would win over the stack file: none should be. */
  alterSystem: Record<string, string>;
  /** May the server be restarted for parameters that need it? */
  restartPolicy: "allow" | "forbid";
}

export interface ServerState extends ServerInputs {
  /** Such as "17.6". */
  version: string;
}

/** Longest time to wait for the server: recovery after a crash takes as long as the WAL since the last checkpoint. */
const READY_WITHIN_MS = 180_000;
/** Longest time that a restart waits for the shutdown checkpoint before the server is killed, seconds. */
const STOP_WITHIN_S = 120;

/** Waits until the server answers; the error holds what the server printed. */
async function untilReady(host: Host): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  let restarts = 0;
  for (;;) {
    const container = await host.inspect();
    if (!container) throw new Error(`container ${host.container} is gone; 'pulumi up' makes it again`);
    try {
      return await withDatabase(host, "postgres", async (client) => void (await client.query("SELECT 1")));
    } catch (error) {
      if (!container.running && container.status === "restarting") restarts += 1;
      const failed = container.status === "exited" || restarts > 10;
      if (failed || Date.now() > deadline) {
        const why = failed ? `ended with ${container.exitCode}` : `did not answer within ${READY_WITHIN_MS / 1000} s (${(error as Error).message})`;
        throw new Error(`PostgreSQL in container ${host.container} ${why}. It printed:\n${await host.logs()}`);
      }
      await sleep(200);
    }
  }
}

/** Values in effect, by the names asked for (PostgreSQL's own spelling may differ: TimeZone), in base units. */
async function inEffect(client: Client, names: string[]): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; setting: string }>(
    `SELECT asked AS name, setting FROM unnest($1::text[]) AS asked JOIN pg_settings ON lower(name) = lower(asked)`,
    [names],
  );
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}

/** Reads what the running server uses. Values that mean the same as the wanted ones are given as those. */
async function observe(host: Host, inputs: ServerInputs): Promise<Omit<ServerState, "containerId" | "running" | "restartPolicy">> {
  return withDatabase(host, "postgres", async (client) => {
    const { rows } = await client.query(
      `SELECT current_setting('${CONFIGURATION_ID}', true) AS configuration,
              (SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres') AS verifier,
              split_part(current_setting('server_version'), ' ', 1) AS version,
              (SELECT coalesce(json_object_agg(name, setting), '{}') FROM pg_file_settings
                WHERE sourcefile LIKE '%postgresql.auto.conf') AS "alterSystem"`,
    );
    return {
      ...rows[0],
      configuration: rows[0].configuration ?? "",
      verifier: rows[0].verifier ?? "",
      parameters: alignValues(await inEffect(client, Object.keys(inputs.parameters)), inputs.parameters),
    };
  });
}

function changed(old: Record<string, string>, wanted: Record<string, string>): string[] {
  return Object.keys({ ...old, ...wanted })
    .filter((name) => {
      const [a, b] = [old[name], wanted[name]];
      return a === undefined || b === undefined || canonicalValue(name, a) !== canonicalValue(name, b);
    })
    .sort();
}

/** Says which of the changed parameters need what, and refuses a restart that is not allowed. */
function plan(old: ServerState | undefined, inputs: ServerInputs, { info, warn }: Operation): void {
  if (!old || old.containerId !== inputs.containerId || inputs.containerId === UNKNOWN) return;
  if (!old.running) warn("the server is stopped: it will be started");
  for (const name of Object.keys(old.alterSystem)) warn(`${name} was set by ALTER SYSTEM: it will be put back`);
  const names = changed(old.parameters, inputs.parameters);
  const show = (name: string) => `${name} ${old.parameters[name] ?? "(default)"} -> ${inputs.parameters[name] ?? "(default)"}`;
  const restart = names.filter((name) => effectOf(name) === "restart");
  for (const name of names.filter((each) => effectOf(each) !== "restart")) info(`${effectOf(name)}: ${show(name)}`);
  for (const name of restart) info(`RESTART: ${show(name)}`);
  if (restart.length > 0 && old.running && inputs.restartPolicy === "forbid") {
    throw new Error(
      `${restart.map(show).join(", ")}: needs a restart of PostgreSQL, and restartPolicy is "forbid"; ` +
        'set server.restartPolicy to "allow", or leave the parameter as it is',
    );
  }
}

/** Brings the running server to what the configuration files say. */
async function activate(host: Host, inputs: ServerInputs, { info }: Operation): Promise<ServerState> {
  const container = await host.inspect();
  if (container && !container.running && container.status !== "restarting") await host.docker(["start", host.container]);
  await untilReady(host);

  // The socket trusts the container's own user, so the password can be set whatever it was, and travels as a verifier.
  const pending = await withDatabase(host, "postgres", async (client) => {
    await client.query(`ALTER ROLE postgres PASSWORD ${client.escapeLiteral(inputs.verifier)}`);
    const { rows } = await client.query("SELECT count(*)::int AS n FROM pg_file_settings WHERE sourcefile LIKE '%postgresql.auto.conf'");
    if (rows[0].n > 0) await host.docker(["exec", host.container, "sh", "-c", ': > "$PGDATA/postgresql.auto.conf"']);
    return reload(client, inputs);
  });

  if (pending.length > 0) {
    if (inputs.restartPolicy === "forbid") throw new Error(`${pending.join(", ")}: needs a restart, and restartPolicy is "forbid"`);
    info(`restarting PostgreSQL for ${pending.join(", ")}`);
    await host.docker(["restart", "--time", String(STOP_WITHIN_S), host.container]);
    await untilReady(host);
  }

  const now = await observe(host, inputs);
  const wrong = changed(now.parameters, inputs.parameters);
  if (wrong.length > 0 || now.configuration !== inputs.configuration) {
    const each = wrong.map((name) => `${name} is ${now.parameters[name]} instead of ${inputs.parameters[name]}`);
    throw new Error(`the server did not take the configuration: ${each.join("; ") || "it has loaded another version of the file"}`);
  }
  return { ...inputs, ...now };
}

/** Has the server read its files and returns the parameters that wait for a restart. */
async function reload(client: Client, inputs: ServerInputs): Promise<string[]> {
  const { rows: bad } = await client.query(
    "SELECT sourcefile, sourceline, name, error FROM pg_file_settings WHERE error IS NOT NULL AND error NOT LIKE '%without restarting%'",
  );
  const { rows: badRules } = await client.query("SELECT line_number, error FROM pg_hba_file_rules WHERE error IS NOT NULL");
  if (bad.length + badRules.length > 0) {
    const lines = [
      ...bad.map((row) => `${row.sourcefile}:${row.sourceline} ${row.name ?? ""}: ${row.error}`),
      ...badRules.map((row) => `pg_hba.conf:${row.line_number}: ${row.error}`),
    ];
    throw new Error(`PostgreSQL refuses its configuration:\n${lines.join("\n")}`);
  }
  await client.query("SELECT pg_reload_conf()");
  for (let tries = 0; tries < 50; tries += 1) {
    const { rows } = await client.query(
      `SELECT current_setting('${CONFIGURATION_ID}', true) = $1 AS loaded,
              ARRAY(SELECT name::text FROM pg_settings WHERE pending_restart ORDER BY 1) AS pending`,
      [inputs.configuration],
    );
    if (rows[0].loaded) return rows[0].pending;
    await sleep(100);
  }
  throw new Error(`the server did not load its configuration within 5 s`);
}

/** The running server: started, answering, and using what its configuration says. */
export const server: Kind<ServerInputs, ServerState> = {
  notCompared: ["restartPolicy"],
  explain: plan,
  async create(inputs, operation) {
    if (operation.preview) return { id: operation.host.container, state: { ...inputs, version: UNKNOWN } };
    return { id: operation.host.container, state: await activate(operation.host, inputs, operation) };
  },
  async read(_id, state, inputs, { host }) {
    const container = await host.inspect();
    if (!container?.running) return { ...state, running: false };
    await untilReady(host);
    return { ...state, running: true, ...(await observe(host, inputs)) };
  },
  async update(_id, old, inputs, operation) {
    if (operation.preview) return { ...inputs, version: old.version };
    return activate(operation.host, inputs, operation);
  },
  // The server goes with its container.
  delete: async () => undefined,
};
