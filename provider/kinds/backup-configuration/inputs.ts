import { declare } from "../../declaration";
import type { Dumps } from "../../../backup/agent-configuration";
import type { DrillSpecification } from "../../../backup/drill";
import type { Options } from "../../../backup/options";

export interface BackupConfigurationInputs {
  /** The volume that server and agent read their configuration from. */
  volume: string;
  /** Any image: the files are copied through a container that never starts. */
  image: string;
  /** Name of the server in the repositories. */
  stanza: string;
  /** pgbackrest.conf, by option. */
  options: Options;
  /** Options of it that are secret. */
  secrets: Options;
  /** Folders of the Docker host that hold repositories and dumps; none if absent. */
  folders?: string[];
  /** CA certificates of the endpoints of buckets, by file; none if absent. */
  certificates?: Record<string, string>;
  /** Schedules of the agent: five cron fields, by job. */
  schedules: Record<string, string>;
  /** Specification of the drills; no drills if absent. */
  drill?: DrillSpecification;
  /** Specification of the dumps; no dumps if absent. */
  dumps?: Dumps;
}

export interface BackupConfigurationState extends BackupConfigurationInputs {
  /** Fingerprint of the passphrase. */
  passphrase: string;
}

export const declaration = declare<BackupConfigurationInputs, BackupConfigurationState>()({
  type: "BackupConfiguration",
  outputs: ["passphrase"],
  secrets: ["secrets"],
});
