import { existsSync, statfsSync } from "node:fs";
import { DISK_FULL, type Host } from "../host";
import type { Kind } from "../kind";
import { isTaken } from "../port";

export interface PresenceInputs {
  what: "container" | "image";
  /** Name of the container, or name and tag of the image. */
  object: string;
  /** Always true: what should be. */
  present: boolean;
  /** A container that is stopped is started: nobody else looks after it. */
  running?: boolean;
  /** Where the container's port is published on this machine; undefined on a remote engine. */
  publishes?: { address: string; port: number };
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
  notCompared: ["publishes", "running"],
  async explain(old, { what, object, publishes, running }, { host, warn }) {
    if (old && !old.present && old.object === object) {
      if (running && (await host.inspect(object))) warn(`container ${object} does not run: it will be started`);
      else
        warn(`${what} ${object} is gone: it will be made again${what === "container" ? " on the same volumes" : ""}`);
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

/** A new cluster and its first WAL, bytes. */
const ROOM = 256 * 2 ** 20;

/** Fails before anything is made where the disk of an engine on this machine has no room for a server. */
async function mustHaveRoom(host: Host): Promise<void> {
  const folder = (await host.docker(["info", "--format", "{{.DockerRootDir}}"])).toString().trim();
  if (!existsSync(folder)) return; // the engine is in a virtual machine of its own
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= ROOM) return;
  const [free, needed] = [bavail * bsize, ROOM].map((bytes) => Math.floor(bytes / 2 ** 20));
  throw new Error(`${DISK_FULL} ${folder} has ${free} MB left, and a server takes ${needed} MB to begin with`);
}

/** Fails where Docker would fail later, with what to do about it. */
async function mustBeFree({ address, port }: { address: string; port: number }): Promise<void> {
  if (await isTaken(address, port))
    throw new Error(
      `port ${port} on ${address} is taken by another program: stop that, or choose another server.port in the stack file`,
    );
}
