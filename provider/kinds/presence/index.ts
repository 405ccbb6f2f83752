import { existsSync, statfsSync } from "node:fs";
import { DISK_FULL, type Host } from "../../host";
import type { Kind } from "../../kind";
import { isTaken } from "../../port";
import { declaration, type PresenceInputs, type PresenceState } from "./inputs";

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

type Wanted = Pick<PresenceInputs, "what" | "object" | "running">;

async function isPresent({ what, object, running }: Wanted, host: Host): Promise<boolean> {
  if (what === "image") return host.imageExists(object);
  const container = await host.inspect(object);
  return running ? Boolean(container?.running) : container !== undefined;
}

/** Size of a new cluster and its first WAL, bytes. */
const ROOM = 256 * 2 ** 20;

/** Throws, before anything is created, if the disk of an engine on this machine has no room for a server. */
async function mustHaveRoom(host: Host): Promise<void> {
  const folder = (await host.docker(["info", "--format", "{{.DockerRootDir}}"])).toString().trim();
  if (!existsSync(folder)) return; // the engine is in a virtual machine of its own
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= ROOM) return;
  const [free, needed] = [bavail * bsize, ROOM].map((bytes) => Math.floor(bytes / 2 ** 20));
  throw new Error(`${DISK_FULL}: ${folder} has ${free} MB free, and a new server needs ${needed} MB`);
}

/** Throws, with what to do, if the port is in use: Docker would fail later, without advice. */
async function mustBeFree({ address, port }: { address: string; port: number }): Promise<void> {
  if (await isTaken(address, port))
    throw new Error(
      `port ${port} on ${address}: in use by another program; stop this program, or set another server.port`,
    );
}
