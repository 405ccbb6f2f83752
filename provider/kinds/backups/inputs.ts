import { declare } from "../../declaration";

export interface BackupsInputs {
  /** Name of the agent's container. */
  agent: string;
  /** Name of the server in the repositories. */
  stanza: string;
  /** Number of repositories. */
  repositories: number;
  /** Location of each repository in a bucket, by number. */
  buckets?: Record<string, string>;
  /** Number of the server's cluster: a restore begins another one, which gets a full backup at once. */
  generation: number;
  /** The cluster was restored from a backup. */
  restored: boolean;
  /** Every repository has the stanza and a backup. Declared: true. */
  ready: boolean;
}

export type BackupsState = BackupsInputs;

export const declaration = declare<BackupsInputs>()({ type: "Backups", wanted: { ready: () => true } });
