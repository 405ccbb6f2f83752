import { declare } from "../../declaration";
import { SUPERUSER_SETTINGS } from "../../superuser-settings";
import type { Parameters } from "../configuration/parameters";

export interface ServerInputs {
  /** Id of the container: a new container triggers an update. */
  containerId: string;
  /** Always true: the server should run. */
  running: boolean;
  /** Values that should be in effect. */
  parameters: Parameters;
  /** Hash of the configuration that should be loaded (see configurationId). */
  configuration: string;
  /** SCRAM verifier of the superuser's password. */
  verifier: string;
  /** Parameters set by ALTER SYSTEM, which override the stack file; wanted: none. */
  alterSystem: Parameters;
  /** Settings of role postgres, which override those of a database. */
  superuserSettings: Parameters;
  /** Whether the server may restart for parameters that need it. */
  restartPolicy: "allow" | "forbid";
  /** Volume and image of the configuration files, to revert a configuration that the server rejects. */
  volume?: string;
  image?: string;
}

export interface ServerState extends ServerInputs {
  /** Such as "17.6". */
  version: string;
}

export const declaration = declare<ServerInputs, ServerState>()({
  type: "Server",
  outputs: ["version"],
  secrets: ["verifier"],
  wanted: { running: () => true, alterSystem: () => ({}), superuserSettings: () => SUPERUSER_SETTINGS },
});
