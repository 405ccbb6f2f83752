import type { Client } from "pg";
import { z } from "zod";
import { readRows, rowsOf } from "../../catalog-query";
import { CRON_JOBS } from "./catalog";
import type { CronJobInputs } from "./inputs";

export async function put(client: Client, inputs: CronJobInputs): Promise<string> {
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
