import type { Client } from "pg";
import { z } from "zod";
import { catalogQuery, readRows, rowsOf, type RowOf } from "../../provider/catalog-query";
import { connect } from "../../provider/connection";
import type { Host } from "../../provider/host";
import { describeFailure, lastRuns } from "../../provider/kinds/cron-job/runs";
import { formatDuration } from "../ephemeral/arguments";
import { expiryOf, findLabelled } from "../ephemeral/engine";
import type { Invocation } from "../options";
import { print } from "../print";
import { cronDatabase, databasesWithVectors, hasBackup, hostOf } from "../server";

/** `npm run status`: state of the server, its backups, vector indexes and cron jobs; exits with 1 if one of them needs attention. */
export async function status({ stack }: Invocation): Promise<number> {
  return (await printStatus(stack)) ? 0 : 1;
}

const COLUMNS = {
  what: z.string(),
  value: z.string(),
  /** It needs attention. */
  alarm: z.boolean(),
};
export const BACKUP_STATUS = catalogQuery("backup-status", COLUMNS);
export const VECTOR_STATUS = catalogQuery("vector-status", COLUMNS);
type Line = RowOf<typeof BACKUP_STATUS>;

/** Prints the status; true if nothing needs attention. */
export async function printStatus(stack: string): Promise<boolean> {
  const host = hostOf(stack);
  const lines = [await containerLine(host, host.container, "server")];
  lines.push(...(await ephemeralLines(host)));
  if (hasBackup(stack) || (await host.inspect(`${host.container}-agent`))) {
    lines.push(await containerLine(host, `${host.container}-agent`, "backup agent"));
    lines.push(...(await askLines(host, "postgres", BACKUP_STATUS, "backups")));
  } else lines.push({ what: "backups", value: "none: the stack file declares no backup", alarm: false });
  for (const database of databasesWithVectors(stack))
    lines.push(...(await askLines(host, database, VECTOR_STATUS, "vectors")));
  lines.push(...(await jobLines(host, cronDatabase(stack))));
  const width = Math.max(...lines.map(({ what }) => what.length));
  for (const { what, value, alarm } of lines) print(`${alarm ? "!" : " "} ${what.padEnd(width)}  ${value}`);
  return !lines.some(({ alarm }) => alarm);
}

async function containerLine(host: Host, name: string, what: string): Promise<Line> {
  const state = await host.inspect(name);
  return { what, value: state ? `${name} is ${state.status}` : `${name} does not exist`, alarm: !state?.running };
}

/** The expiry of an ephemeral stack, by the labels of its Docker objects; no line for other stacks. */
async function ephemeralLines(host: Host): Promise<Line[]> {
  const objects = await findLabelled(host, host.container);
  if (objects.length === 0) return [];
  const expires = expiryOf(objects);
  const ephemeral = { what: "ephemeral", value: formatDuration(expires, Date.now()), alarm: expires <= Date.now() };
  return (await isDurable(host))
    ? [ephemeral]
    : [ephemeral, { what: "durability", value: "none: a crash of the machine loses the data", alarm: false }];
}

/** Whether fsync is on. True if the server does not answer, which other lines report. */
async function isDurable(host: Host): Promise<boolean> {
  const client = await connect(host, "postgres").catch(() => undefined);
  if (!client) return true;
  const [setting] = await rowsOf(client, { fsync: z.string() }, "SHOW fsync").finally(() => client.end());
  return setting?.fsync !== "off";
}

/** The lines that a query returns. */
function askLines(host: Host, database: string, query: typeof BACKUP_STATUS, what: string): Promise<Line[]> {
  return linesFrom(host, database, what, (client) => readRows(client, query));
}

/** The number of cron jobs whose last run succeeded, and a line for each whose last run failed. */
function jobLines(host: Host, database: string): Promise<Line[]> {
  return linesFrom(host, database, "cron jobs", async (client) => {
    const runs = await lastRuns(client);
    const failed = runs.filter((run) => run.failed);
    const value = `last run succeeded for ${runs.length - failed.length} of ${runs.length} that have run`;
    return [
      { what: "cron jobs", value, alarm: false },
      ...failed.map((run) => ({
        what: `cron job ${run.name ?? run.jobId}`,
        value: `in ${run.database}: ${describeFailure(run)}`,
        alarm: true,
      })),
    ];
  });
}

/** Reads lines from a database; if that fails, one line with the error. */
async function linesFrom(
  host: Host,
  database: string,
  what: string,
  read: (client: Client) => Promise<Line[]>,
): Promise<Line[]> {
  try {
    const client = await connect(host, database);
    try {
      return await read(client);
    } finally {
      await client.end();
    }
  } catch (error) {
    return [{ what, value: (error as Error).message, alarm: true }];
  }
}
