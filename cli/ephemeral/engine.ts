import { EPHEMERAL, EXPIRES, labelFlags, type Labels } from "../../provider/ephemeral-labels";
import { CommandError, type Host } from "../../provider/host";

// What is on the Docker engine says for itself that it is ephemeral, and until when: no state is asked.

export type ObjectKind = "container" | "network" | "volume";

/** A Docker object with the labels of an ephemeral stack. */
export interface Marked {
  kind: ObjectKind;
  /** By which it is removed: that of a volume is its name. */
  id: string;
  name: string;
  /** The server it belongs to. */
  server: string;
  /** Milliseconds since 1970; NaN if the label is no time. */
  expires: number;
  /** Of a container: "running", "exited", ... */
  status: string;
}

const LABELS = `{{.Label "${EPHEMERAL}"}}\t{{.Label "${EXPIRES}"}}`;
const LISTS: Record<ObjectKind, string[]> = {
  container: ["ps", "--all", "--no-trunc", "--format", `{{.ID}}\t{{.Names}}\t${LABELS}\t{{.State}}`],
  network: ["network", "ls", "--no-trunc", "--format", `{{.ID}}\t{{.Name}}\t${LABELS}\t`],
  volume: ["volume", "ls", "--format", `{{.Name}}\t{{.Name}}\t${LABELS}\t`],
};

/** What the names of servers begin with; a label with another value is none of ours. */
const SERVER = "pgwright-";

/** The stack of a server. */
export const stackOf = (server: string): string => server.slice(SERVER.length);

/** What `docker ... ls` printed in the format above. */
export function parseList(kind: ObjectKind, text: string): Marked[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [id = "", name = "", server = "", expires = "", status = ""] = line.split("\t");
      return { kind, id, name, server, expires: Date.parse(expires), status };
    });
}

async function list(host: Host, filter: string): Promise<Marked[]> {
  const kinds = Object.keys(LISTS) as ObjectKind[];
  const lists = await Promise.all(
    kinds.map(async (kind) => parseList(kind, (await host.docker([...LISTS[kind], "--filter", filter])).toString())),
  );
  return lists.flat();
}

/** Everything on the engine that is marked; of one server, if it is named. */
export async function findMarked(host: Host, server?: string): Promise<Marked[]> {
  const found = await list(host, `label=${EPHEMERAL}${server === undefined ? "" : `=${server}`}`);
  return found.filter((each) => each.server.startsWith(SERVER));
}

/** Objects of the names that a server would have, which are not marked as its own. */
export async function findUnmarked(host: Host): Promise<string[]> {
  const { container } = host;
  const names = [container, `${container}-data`, `${container}-config`];
  const found = await list(host, `name=${container}`);
  return found
    .filter(({ name, server }) => names.includes(name) && server !== container)
    .map(({ kind, name }) => `${kind} ${name}`);
}

/** When a stack may be removed: at the latest time on anything of it. Never, if one of them has no time. */
export function expiryOf(objects: Marked[]): number {
  const times = objects.map(({ expires }) => expires);
  return times.some(Number.isNaN) ? Infinity : Math.max(...times);
}

/** Gives a stack more time: an empty volume that says so, since the labels of what is there cannot be changed. */
export async function extend(host: Host, objects: Marked[], server: string, labels: Labels): Promise<void> {
  const prefix = `${server}-until-`;
  const name = prefix + labels[EXPIRES]?.replace(/\W/g, "");
  await host.docker(["volume", "create", ...labelFlags(labels), name]);
  const former = objects.filter((each) => each.name.startsWith(prefix) && each.name !== name);
  if (former.length > 0) await host.docker(["volume", "rm", "--force", ...former.map(({ id }) => id)]);
}

/** Containers of a killed run that hold a volume, which nobody can remove before them. */
async function helpersOf(host: Host, volumes: Marked[]): Promise<string[]> {
  if (volumes.length === 0) return [];
  const holding = volumes.flatMap(({ name }) => ["--filter", `volume=${name}`]);
  const list = ["ps", "--all", "--quiet", "--no-trunc", "--filter", "label=pgwright.helper", ...holding];
  return (await host.docker(list)).toString().split("\n").filter(Boolean);
}

/** Removes everything of a server that is marked, data and all, and nothing else. Throws what is left, and why. */
export async function removeMarked(host: Host, server: string): Promise<void> {
  const found = await findMarked(host, server);
  const ids = (kind: ObjectKind) => found.filter((each) => each.kind === kind).map(({ id }) => id);
  const volumes = found.filter(({ kind }) => kind === "volume");
  const problems: string[] = [];
  const remove = async (command: string[], targets: string[]) => {
    if (targets.length === 0) return;
    await host.docker([...command, ...targets]).catch((error: Error) => {
      if (!(error instanceof CommandError)) throw error;
      problems.push(error.output.trim());
    });
  };
  await remove(["rm", "--force", "--volumes"], [...ids("container"), ...(await helpersOf(host, volumes))]);
  await Promise.all([remove(["network", "rm"], ids("network")), remove(["volume", "rm"], ids("volume"))]);
  const left = await findMarked(host, server);
  if (left.length === 0) return;
  const names = left.map(({ kind, name }) => `${kind} ${name}`).join(", ");
  throw new Error(`of ${server} there is left: ${names}. ${problems.join(" ")}`);
}
