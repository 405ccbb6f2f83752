import { declare } from "../../declaration";

export interface ProtectionInputs {
  protected: boolean;
}

export type ProtectionState = ProtectionInputs;

export const declaration = declare<ProtectionInputs>()({ type: "Protection" });
