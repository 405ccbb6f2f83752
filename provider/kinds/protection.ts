import type { Kind } from "../kind";

export interface ProtectionInputs {
  protected: boolean;
}

/**
 * Nothing by itself. It depends on all other resources of a stack, so a destroy begins with it; where it is protected, the
 * destroy ends with it too, before anything is gone. A protected volume alone would be found last.
 */
export const protection: Kind<ProtectionInputs, ProtectionInputs> = {
  create: async (inputs, { name }) => ({ id: name, state: inputs }),
  read: async (_id, state) => state,
  update: async (_id, _old, inputs) => inputs,
  delete: async () => undefined,
};
