import type { Kind } from "../../kind";
import { declaration, type ProtectionInputs } from "./inputs";

/**
 * A resource without an object. It depends on all other resources of a stack, so a destroy begins with it. If it is protected, the
 * destroy fails before anything is removed. Protection of the volume alone would be checked last.
 */
export const protection: Kind<ProtectionInputs, ProtectionInputs> = {
  declaration,
  create: async (inputs, { name }) => ({ id: name, state: inputs }),
  read: async (_id, state) => state,
  update: async (_id, _old, inputs) => inputs,
  delete: async () => undefined,
};
