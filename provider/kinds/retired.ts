import { declare } from "../declaration";
import type { Kind } from "../kind";

/** A kind of earlier versions. The state of a stack may still hold such resources; the next update removes them from it. */
export const retired: Kind<object, object> = {
  declaration: declare<object>()({ type: "RoleSettings" }),
  create: () => Promise.reject(new Error("this kind of resource exists only in states of earlier versions")),
  read: async (_id, state) => state,
  update: () => Promise.reject(new Error("this kind of resource exists only in states of earlier versions")),
  delete: async () => undefined,
};
