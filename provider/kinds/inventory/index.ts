import type { Kind } from "../../kind";
import { mustBeOurs } from "./engine-objects";
import { explainDatabase, explainTiers, undeclared, explainExtensions } from "./report";
import { type InventoryInputs, declaration } from "./inputs";

/**
 * The declared objects of a stack that are removed with their data once they are undeclared. Pulumi does not call the provider in the
 * preview of a delete, so this resource reports the loss of data.
 */
export const inventory: Kind<InventoryInputs, InventoryInputs> = {
  declaration,
  async explain(old, inputs, operation) {
    await mustBeOurs(old, inputs, operation);
    for (const [database, former] of Object.entries(old?.databases ?? {})) {
      const now = inputs.databases[database];
      if (!now) {
        await explainDatabase(database, operation);
        continue;
      }
      await explainTiers(database, undeclared(former.tiers, now.tiers), operation);
      const extensions = former.extensions.filter((each) => !now.extensions.includes(each));
      await explainExtensions(database, extensions, operation);
    }
    for (const [volume, { holds, kept }] of undeclared(old?.volumes ?? {}, inputs.volumes))
      if (!kept) operation.hazard("loss", `volume ${volume} is removed, with ${holds}`);
  },
  create: async (inputs, { name }) => ({ id: name, state: inputs }),
  read: async (_id, state) => state,
  update: async (_id, _old, inputs) => inputs,
  delete: async () => undefined,
};
