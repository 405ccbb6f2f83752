import { declare } from "../../declaration";

export interface ProtectionInputs {
  protected: boolean;
}

export const declaration = declare<ProtectionInputs>()({ type: "Protection" });
