import { DATA_PATH } from "../backup/paths";
import { labelFlags, type Labels } from "./ephemeral-labels";
import type { Host } from "./host";

// Volumes that hold a server's data, or may: nobody overwrites or removes data that is not known to be his.

/** What a server or a restore leaves beside a cluster. */
const REMAINS = ["pgdata.unfinished", "socket", "spool", "lost+found"];

/** An empty volume beside another says that a restore into that has begun and not ended: what it holds is half of a restore. */
const unfinishedName = (volume: string) => `${volume}-unfinished`;

export const isUnfinished = (host: Host, volume: string): Promise<boolean> => host.volumeExists(unfinishedName(volume));

export async function beginFilling(host: Host, volume: string, { labels }: { labels?: Labels }): Promise<void> {
  await host.docker(["volume", "create", ...labelFlags(labels), unfinishedName(volume)]);
}

export const endFilling = (host: Host, volume: string): Promise<void> => remove(host, unfinishedName(volume));

/** Does a volume that the state knows nothing of hold data? It takes an image on the engine to look. */
export async function lookAtForeign(
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

/** Fails where a container that runs has the volume. */
export async function mustBeUnused(host: Host, volume: string): Promise<void> {
  const list = ["ps", "--format", "{{.Names}}", "--filter", `volume=${volume}`];
  const users = (await host.docker(list)).toString().split("\n").filter(Boolean);
  if (users.length > 0) throw new Error(`volume ${volume} is in use by container ${users.join(", ")}; stop that first`);
}

export async function remove(host: Host, volume: string): Promise<void> {
  if (volume !== "") await host.docker(["volume", "rm", "--force", volume]);
}
