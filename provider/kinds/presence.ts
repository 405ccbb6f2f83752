import type { Kind } from "../kind";

export interface PresenceInputs {
  what: "container" | "image";
  /** Name of the container, or name and tag of the image. */
  object: string;
  /** Always true: what should be. */
  present: boolean;
}

export interface PresenceState extends PresenceInputs {
  /** Counts how often the object had to be made again; what makes it is triggered when this rises. */
  generation: number;
}

/**
 * Notices in every preview that something of the Docker engine was removed by hand. The Docker plugin itself would notice
 * only on a refresh, and a refresh of what lives inside PostgreSQL fails while the server is gone.
 */
export const presence: Kind<PresenceInputs, PresenceState> = {
  explain(old, { what, object }, { warn }) {
    if (old && !old.present) warn(`${what} ${object} is gone: it will be made again${what === "container" ? " on the same volumes" : ""}`);
  },
  create: async (inputs) => ({ id: inputs.object, state: { ...inputs, generation: 1 } }),
  read: async (_id, state, _inputs, { host }) => ({
    ...state,
    present: state.what === "container" ? (await host.inspect(state.object)) !== undefined : await host.imageExists(state.object),
  }),
  update: async (_id, old, inputs) => ({ ...inputs, generation: old.generation + (old.present ? 0 : 1) }),
  delete: async () => undefined,
};
