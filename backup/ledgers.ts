import { z } from "zod";

// The ledgers of agent and drill container, in JSON Lines. The scripts of the image write them; report.sh sends them to
// pgwright.backup_record. The fields are columns of pgwright.backup_runs, restore_drills and restore_drill_checks.

/** A run of a job of the agent (backup.sh). */
const runSchema = z.strictObject({
  started_at: z.string(),
  ended_at: z.string(),
  job: z.string(),
  /** 0: all. */
  repository: z.number(),
  /** Of the program that ran; 0: success. */
  exit_code: z.number(),
  /** The end of the output of a run that failed. */
  message: z.string().nullable(),
});
export type Run = z.infer<typeof runSchema>;

/** Evidence of a restore drill (drill.sh). */
const drillSchema = z.strictObject({
  drill: z.string(),
  started_at: z.string(),
  ended_at: z.string(),
  passed: z.boolean(),
  /** Label of the restored backup. */
  backup: z.string().nullable(),
  /** Commit time of the last replayed transaction. */
  recovered_to: z.string().nullable(),
  /** Duration until the copy accepted connections. */
  seconds: z.number(),
  checks: z.array(z.strictObject({ what: z.string(), passed: z.boolean(), detail: z.string().nullable() })),
});
export type Drill = z.infer<typeof drillSchema>;

const parse = <T>(schema: z.ZodType<T>, line: string): T[] => {
  try {
    return [schema.parse(JSON.parse(line))];
  } catch {
    return []; // a full disk has cut it off, or it is being written
  }
};

/** The entries of a ledger, oldest first. */
const parseLedger =
  <T>(schema: z.ZodType<T>) =>
  (text: string): T[] =>
    text.split("\n").flatMap((line) => parse(schema, line));

export const parseRuns = parseLedger(runSchema);
export const parseDrills = parseLedger(drillSchema);
