import type { Kind } from "../../kind";
import { isPresent, mustBeFree, mustHaveRoom } from "./engine";
import { type PresenceInputs, type PresenceState, declaration } from "./inputs";

/**
 * Detects in every preview that an object of the Docker engine was removed outside of pgwright. The Docker plugin itself detects it
 * only on a refresh, and a refresh of the resources inside PostgreSQL fails while the server does not exist.
 */
export const presence: Kind<PresenceInputs, PresenceState> = {
  declaration,
  notCompared: ["publishes", "running"],
  async explain(old, { what, object, publishes, running }, { host, warn }) {
    if (old && !old.present && old.object === object) {
      if (running && (await host.inspect(object))) warn(`container ${object} does not run: the update starts it`);
      else
        warn(
          `${what} ${object} is missing: the update recreates it${what === "container" ? " on the same volumes" : ""}`,
        );
    }
    if (publishes && what === "container" && !(await isPresent({ what, object }, host))) {
      await mustBeFree(publishes);
      await mustHaveRoom(host);
    }
  },
  create: async (inputs) => ({ id: inputs.object, state: { ...inputs, generation: 1 } }),
  read: async (_id, state, _inputs, { host }) => ({ ...state, present: await isPresent(state, host) }),
  async update(_id, old, inputs, { host, preview }) {
    const stopped = !old.present && inputs.running && (await host.inspect(inputs.object)) !== undefined;
    if (stopped && !preview) await host.docker(["start", inputs.object]);
    return { ...inputs, generation: old.generation + (old.present || stopped ? 0 : 1) };
  },
  delete: async () => undefined,
};
