import { DATA_PATH } from "../backup/paths";
import { labelFlags, type Labels } from "./ephemeral-labels";
import type { Host } from "./host";

// Volumes that hold, or may hold, the data of a server. Data that the state does not know is neither overwritten nor removed.

/** Entries that a server or a restore leaves in a volume beside a cluster. */
const REMAINS = ["pgdata.unfinished", "socket", "spool", "lost+found"];

/** Name of the empty volume that exists while `volume` is being filled: its content is then an incomplete restore. */
const unfinishedName = (volume: string) => `${volume}-unfinished`;

export const isUnfinished = (host: Host, volume: string): Promise<boolean> => host.volumeExists(unfinishedName(volume));

export async function beginFilling(host: Host, volume: string, { labels }: { labels?: Labels }): Promise<void> {
  await host.docker(["volume", "create", ...labelFlags(labels), unfinishedName(volume)]);
}

export const endFilling = (host: Host, volume: string): Promise<void> => remove(host, unfinishedName(volume));

/** Reads whether a volume that is not in the state holds data; "unknown" while the image, which this needs, is not on the engine. */
export async function inspectForeignVolume(
  host: Host,
  volume: string,
  image: string,
): Promise<"nothing" | "unknown" | "data"> {
  if (!(await host.volumeExists(volume)) || (await isUnfinished(host, volume))) return "nothing";
  if (!(await host.imageExists(image))) return "unknown";
  const list = ["run", "--rm", "--network", "none", "--label", "pgwright.helper=look", "--user", "root"];
  const found = await host.docker([...list, "--volume", `${volume}:${DATA_PATH}:ro`, image, "ls", "-A", DATA_PATH]);
  const names = found.toString().split("\n").filter(Boolean);
  return names.every((name) => REMAINS.includes(name)) ? "nothing" : "data";
}

/** Throws if a running container uses the volume. */
export async function mustBeUnused(host: Host, volume: string): Promise<void> {
  const list = ["ps", "--format", "{{.Names}}", "--filter", `volume=${volume}`];
  const users = (await host.docker(list)).toString().split("\n").filter(Boolean);
  if (users.length > 0)
    throw new Error(`volume ${volume}: in use by container ${users.join(", ")}; stop the container first`);
}

export async function remove(host: Host, volume: string): Promise<void> {
  if (volume !== "") await host.docker(["volume", "rm", "--force", volume]);
}
