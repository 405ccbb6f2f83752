import type { Kind } from "../../kind";
import { whyDown } from "../../readiness";
import { ask } from "../../session";
import { UNKNOWN } from "../../unknown";
import { plan } from "./report";
import { activateOrRevert } from "./execute";
import { observe } from "./catalog";
import { type ServerInputs, type ServerState, declaration } from "./inputs";

/** The running server: it is started, accepts connections, and uses its configuration. */
export const server: Kind<ServerInputs, ServerState> = {
  declaration,
  notCompared: ["restartPolicy", "volume", "image"],
  explain: plan,
  async create(inputs, operation) {
    if (operation.preview) return { id: operation.host.container, state: { ...inputs, version: UNKNOWN } };
    return { id: operation.host.container, state: await activateOrRevert(inputs, operation) };
  },
  async read(_id, state, inputs, { host, warn }) {
    const found = await ask(host, "postgres", (client) => observe(client, inputs), undefined);
    if (found) return { ...state, running: true, ...found };
    const why = await whyDown(host);
    if (why) warn(why.message);
    return { ...state, running: false };
  },
  async update(_id, old, inputs, operation) {
    if (operation.preview) return { ...inputs, version: old.version };
    return activateOrRevert(inputs, operation);
  },
  // The server is removed with its container.
  delete: async () => undefined,
};
