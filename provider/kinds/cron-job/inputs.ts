import { declare } from "../../declaration";

export interface CronJobInputs {
  /** Name, unique on the server. */
  job: string;
  /** The database that holds pg_cron. */
  cronDatabase: string;
  /** Where the command runs. */
  database: string;
  schedule: string;
  command: string;
  role: string;
  active: boolean;
}

export interface CronJobState extends CronJobInputs {
  /** pg_cron's id; it stays when the job is changed. */
  jobId: string;
}

export const declaration = declare<CronJobInputs, CronJobState>()({ type: "CronJob", outputs: ["jobId"] });
