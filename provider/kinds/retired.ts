import type { Kind } from "../kind";

/** A kind that earlier versions had. The state of a stack may still hold one, which the next update takes out of it. */
export const retired: Kind<object, object> = {
  create: () => Promise.reject(new Error("this kind of resource is no more")),
  read: async (_id, state) => state,
  update: () => Promise.reject(new Error("this kind of resource is no more")),
  delete: async () => undefined,
};
