import { declare } from "../../declaration";
import type { Options } from "../../../backup/options";
import type { Target } from "../../../backup/target";
import type { Labels } from "../../ephemeral-labels";
import type { Handling, Repositories } from "../../restore";

/** The source of a restored cluster. */
export interface Origin extends Target {
  /** Name of the server in the repository, or the container of a running server. */
  server: string;
  /** Copies the running server, without a repository. */
  running?: boolean;
  /** The repository: a volume, a folder of the Docker host, or a bucket; the server's own repositories if absent. */
  repository?: string;
}

export interface ClusterInputs {
  /** Name of the volume; the volumes that replace it have a number appended. */
  name: string;
  /** Image of the server. */
  image: string;
  /** Always true: the volume should exist. */
  present: boolean;
  /** Labels of the volume, as of all Docker objects of the stack; none if absent. */
  labels?: Labels;
  /** The source of the cluster; created by initdb if absent. */
  restoreFrom?: Origin;
  /** The repositories that hold this source. */
  from?: Repositories;
  /** Secret options of these repositories. */
  fromSecrets: Options;
  /** SQL and checks for restored data. */
  handling?: Handling;
  /** Allows a restored cluster to replace an existing one. */
  inPlace: boolean;
  /** A volume that is not in the state and whose data a restored cluster, in another volume, may replace. */
  replace?: string;
  /** A volume that is not in the state and whose cluster the server uses. */
  adopt?: string;
  /** The server's own repositories. */
  own?: Repositories;
  ownSecrets: Options;
}

export interface ClusterState extends ClusterInputs {
  /** The volume in use. */
  volume: string;
  /** The volume that it replaced; kept as long as the stack file has restoreFrom. */
  previous: string;
  /** Number of the cluster, from 1 on: each new or restored cluster increments it. */
  generation: number;
}

export const declaration = declare<ClusterInputs, ClusterState>()({
  type: "Cluster",
  outputs: ["volume", "previous", "generation"],
  secrets: ["fromSecrets", "ownSecrets"],
  // Earlier versions declared a plain Docker volume.
  aliases: [{ type: "docker:index/volume:Volume" }],
  wanted: { present: () => true },
});
