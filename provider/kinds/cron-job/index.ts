import type { Client } from "pg";
import { z } from "zod";
import { Batch } from "../../batch";
import { catalogQuery, readRows, rowsOf } from "../../catalog-query";
import type { Kind } from "../../kind";
import { ask, isNoDatabase, sqlState, withDatabase } from "../../session";
import { commandProblem } from "./command";
import { describeFailure, lastRuns, type CronRun } from "./runs";
import { declaration, type CronJobInputs, type CronJobState } from "./inputs";

export const CRON_JOBS = catalogQuery("cron-jobs", {
  jobid: z.string(),
  schedule: z.string(),
  command: z.string(),
  database: z.string(),
  username: z.string(),
  active: z.boolean(),
});

async function put(client: Client, inputs: CronJobInputs): Promise<string> {
  const { job, schedule, command, database, role, active } = inputs;
  await client.query("BEGIN");
  await client.query("SELECT pg_advisory_xact_lock(hashtext('pgwright'), hashtext('cron'))");
  const [found, ...others] = await readRows(client, CRON_JOBS, job, role);
  // Jobs of this name that belong to other roles are undeclared.
  for (const { jobid } of others) await client.query("SELECT cron.unschedule($1::bigint)", [jobid]);
  let id = found?.jobid;
  if (id) {
    await client.query(
      `SELECT cron.alter_job(job_id => $1::bigint, schedule => $2, command => $3, database => $4, username => $5, active => $6)`,
      [id, schedule, command, database, role, active],
    );
  } else {
    const [scheduled] = await rowsOf(
      client,
      { id: z.string() },
      "SELECT cron.schedule_in_database($1, $2, $3, $4, $5, $6)::text AS id",
      [job, schedule, command, database, role, active],
    );
    id = scheduled?.id ?? "";
  }
  await client.query("COMMIT");
  return id;
}

/** True if the database has no pg_cron: the extension was dropped, or is in another database. */
function isNoCron(error: unknown): boolean {
  return isNoDatabase(error) || ["42P01", "3F000"].includes(sqlState(error));
}

/** Last runs by the database of pg_cron, batched: the log is read once for all jobs. */
const runs = new Batch<Map<string, CronRun[]>>(
  async (host, databases) =>
    new Map(
      await Promise.all(
        databases.map(async (database) => [database, await ask(host, database, lastRuns, [])] as [string, CronRun[]]),
      ),
    ),
);

/** A job of pg_cron, known by its name. */
export const cronJob: Kind<CronJobInputs, CronJobState> = {
  declaration,
  replaceOn: ["job", "cronDatabase"],
  async check({ active, command }) {
    // An inactive job may have such a command: adoption declares it inactive until it is corrected.
    const problem = active ? await commandProblem(command) : undefined;
    return problem === undefined ? [] : [{ property: "command", reason: problem }];
  },
  async create(inputs, { host, preview }) {
    if (preview) return { id: inputs.job, state: { ...inputs, jobId: "" } };
    const jobId = await withDatabase(host, inputs.cronDatabase, (client) => put(client, inputs));
    return { id: inputs.job, state: { ...inputs, jobId } };
  },
  async read(_id, state, inputs, { host, warn }) {
    const unknown = [{ ...state, jobid: state.jobId, username: state.role }];
    try {
      const rows = await ask(
        host,
        state.cronDatabase,
        (client) => readRows(client, CRON_JOBS, state.job, inputs.role),
        unknown,
      );
      const [row, ...others] = rows;
      if (!row) return undefined;
      for (const { username } of others)
        warn(`cron job ${state.job}: role ${username} has an undeclared job of the same name; unschedule it`);
      const { jobid, schedule, command, database, username, active } = row;
      const all = (await runs.ask(host, state.cronDatabase)).get(state.cronDatabase) ?? [];
      const failed = all.find((run) => run.jobId === jobid && run.failed);
      if (failed) warn(`cron job ${state.job}: ${describeFailure(failed)}; see cron.job_run_details`);
      return { ...state, jobId: jobid, schedule, command, database, role: username, active };
    } catch (error) {
      if (isNoCron(error)) return undefined;
      throw error;
    }
  },
  async update(_id, old, inputs, { host, preview }) {
    if (preview) return { ...inputs, jobId: old.jobId };
    return { ...inputs, jobId: await withDatabase(host, inputs.cronDatabase, (client) => put(client, inputs)) };
  },
  async delete(_id, { job, cronDatabase, role }, { host }) {
    try {
      await withDatabase(host, cronDatabase, async (client) => {
        for (const { jobid } of await readRows(client, CRON_JOBS, job, role)) {
          await client.query("SELECT cron.unschedule($1::bigint)", [jobid]);
        }
      });
    } catch (error) {
      if (!isNoCron(error)) throw error;
    }
  },
};
