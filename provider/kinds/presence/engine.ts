import { existsSync, statfsSync } from "node:fs";
import { type Host, DISK_FULL } from "../../host";
import { isTaken } from "../../port";
import type { PresenceInputs } from "./inputs";

type Wanted = Pick<PresenceInputs, "what" | "object" | "running">;

export async function isPresent({ what, object, running }: Wanted, host: Host): Promise<boolean> {
  if (what === "image") return host.imageExists(object);
  const container = await host.inspect(object);
  return running ? Boolean(container?.running) : container !== undefined;
}

/** Size of a new cluster and its first WAL, bytes. */
const ROOM = 256 * 2 ** 20;

/** Throws, before anything is created, if the disk of an engine on this machine has no room for a server. */
export async function mustHaveRoom(host: Host): Promise<void> {
  const folder = (await host.docker(["info", "--format", "{{.DockerRootDir}}"])).toString().trim();
  if (!existsSync(folder)) return; // the engine is in a virtual machine of its own
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= ROOM) return;
  const [free, needed] = [bavail * bsize, ROOM].map((bytes) => Math.floor(bytes / 2 ** 20));
  throw new Error(`${DISK_FULL}: ${folder} has ${free} MB free, and a new server needs ${needed} MB`);
}

/** Throws, with what to do, if the port is in use: Docker would fail later, without advice. */
export async function mustBeFree({ address, port }: { address: string; port: number }): Promise<void> {
  if (await isTaken(address, port))
    throw new Error(
      `port ${port} on ${address}: in use by another program; stop this program, or set another server.port`,
    );
}
