import { readRows } from "../../catalog-query";
import type { Kind } from "../../kind";
import { withDatabase, ask } from "../../session";
import { put } from "./execute";
import { CRON_JOBS, runs, isNoCron } from "./catalog";
import { commandProblem } from "./command";
import { describeFailure } from "./runs";
import { type CronJobInputs, type CronJobState, declaration } from "./inputs";

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
