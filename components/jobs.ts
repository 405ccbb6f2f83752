import * as pulumi from "@pulumi/pulumi";
import { jobsOf } from "../config/jobs";
import type { DatabaseConfig } from "../config/databases";
import { CronJob, type Provider } from "../provider/resources";

/** Retention of pg_cron's run log, which pg_cron never prunes. It grows by 12 MB a day with a job that runs every second. */
const RUN_LOG_KEPT = "7 days";

export interface JobsArgs {
  /** Databases of the stack, by name, with their jobs. */
  databases: Record<string, DatabaseConfig>;
  /** The database with extension pg_cron. */
  cronDatabase: string;
  pgwright: Provider;
}

/** The cron jobs of a server, and the one that prunes their run log. */
export class Jobs extends pulumi.ComponentResource {
  constructor(name: string, args: JobsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Jobs", name, {}, opts);
    const inServer = { parent: this, provider: args.pgwright };
    const { cronDatabase } = args;
    for (const [database, config] of Object.entries(args.databases)) {
      for (const { name: job, schedule, command, role, active } of jobsOf(database, config)) {
        new CronJob(job, { job, cronDatabase, database, schedule, command, role, active }, inServer);
      }
    }
    new CronJob(
      `${name}-prune-run-log`,
      {
        job: "pgwright: prune run log",
        cronDatabase,
        database: cronDatabase,
        schedule: "17 3 * * *",
        command: `DELETE FROM cron.job_run_details WHERE start_time < now() - interval '${RUN_LOG_KEPT}'`,
        role: "postgres",
        active: true,
      },
      inServer,
    );
    this.registerOutputs({});
  }
}
