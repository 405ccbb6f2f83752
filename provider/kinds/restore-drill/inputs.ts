import { declare } from "../../declaration";

export interface RestoreDrillInputs {
  /** Name of the agent's container. */
  agent: string;
  /** Maximum age of the last drill, such as "7d"; unlimited if absent. */
  maxAge?: string;
  /** The last drill passed and is not older than maxAge. Declared: true. */
  proven: boolean;
}

export type RestoreDrillState = RestoreDrillInputs;

export const declaration = declare<RestoreDrillInputs>()({ type: "RestoreDrill", wanted: { proven: () => true } });
