import { z } from "zod";

const outcomeSchema = z.strictObject({ backup: z.string(), recovered_to: z.string() });

/** What a restore did, also one that has failed: the last line that restore.sh prints. */
export interface RestoreOutcome {
  /** Label of the backup that pgBackRest has chosen; absent if it found none. */
  backup?: string;
  /** Commit time of the last replayed transaction; absent if none was replayed. */
  recoveredTo?: string;
}

/** Parses the output of restore.sh. */
export function parseOutcome(printed: string): RestoreOutcome {
  try {
    const { backup, recovered_to } = outcomeSchema.parse(JSON.parse(printed.trim().split("\n").at(-1) ?? ""));
    return { backup, recoveredTo: recovered_to || undefined };
  } catch {
    return {};
  }
}
