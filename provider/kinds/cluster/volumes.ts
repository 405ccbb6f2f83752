import type { Host } from "../../host";
import type { Operation } from "../../kind";
import { isUnfinished, inspectForeignVolume } from "../../data-volume";
import type { ClusterInputs } from "./inputs";

/** The name of the volume that replaces another: NAME, NAME-2, NAME-3, ... */
export function nextVolume(name: string, volume: string): string {
  const number = Number(/-(\d+)$/.exec(volume.slice(name.length))?.[1] ?? 1);
  return `${name}-${number + 1}`;
}

/** The same, but skips volumes that are not in the state. */
export async function nextFreeVolume(host: Host, name: string, volume: string): Promise<string> {
  const next = nextVolume(name, volume);
  const isFree = !(await host.volumeExists(next)) || (await isUnfinished(host, next));
  return isFree ? next : nextFreeVolume(host, name, next);
}

export const hasForeignData = async ({ name, image }: ClusterInputs, { host }: Operation) =>
  (await inspectForeignVolume(host, name, image)) === "data";
