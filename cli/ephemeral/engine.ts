import { EPHEMERAL, EXPIRES, labelFlags, type Labels } from "../../provider/ephemeral-labels";
import { CommandError, type Host } from "../../provider/host";

// Labels of the Docker objects say that a stack is ephemeral and when it expires, so that no state is needed.

export type ObjectKind = "container" | "network" | "volume";

/** A Docker object with the labels of an ephemeral stack. */
export interface LabelledObject {
  kind: ObjectKind;
  /** Identifies it for removal; for a volume, its name. */
  id: string;
  name: string;
  /** The server that it belongs to. */
  server: string;
  /** Milliseconds since 1970; NaN if the label is not a time. */
  expires: number;
  /** Of a container: "running", "exited", ...; otherwise empty. */
  status: string;
}

const LABELS = `{{.Label "${EPHEMERAL}"}}\t{{.Label "${EXPIRES}"}}`;
const LISTS: Record<ObjectKind, string[]> = {
  container: ["ps", "--all", "--no-trunc", "--format", `{{.ID}}\t{{.Names}}\t${LABELS}\t{{.State}}`],
  network: ["network", "ls", "--no-trunc", "--format", `{{.ID}}\t{{.Name}}\t${LABELS}\t`],
  volume: ["volume", "ls", "--format", `{{.Name}}\t{{.Name}}\t${LABELS}\t`],
};

/** Prefix of server names; objects whose label has another value are ignored. */
const SERVER = "pgwright-";

/** The stack of a server. */
export const stackOf = (server: string): string => server.slice(SERVER.length);

/** Parses the output of `docker ... ls` in the format above. */
export function parseList(kind: ObjectKind, text: string): LabelledObject[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [id = "", name = "", server = "", expires = "", status = ""] = line.split("\t");
      return { kind, id, name, server, expires: Date.parse(expires), status };
    });
}

async function list(host: Host, filter: string): Promise<LabelledObject[]> {
  const kinds = Object.keys(LISTS) as ObjectKind[];
  const lists = await Promise.all(
    kinds.map(async (kind) => parseList(kind, (await host.docker([...LISTS[kind], "--filter", filter])).toString())),
  );
  return lists.flat();
}

/** Finds the labelled objects on the engine: those of one server if it is given. */
export async function findLabelled(host: Host, server?: string): Promise<LabelledObject[]> {
  const found = await list(host, `label=${EPHEMERAL}${server === undefined ? "" : `=${server}`}`);
  return found.filter((each) => each.server.startsWith(SERVER));
}

/** Finds objects with a name that the server needs, but without its label. */
export async function findUnlabelled(host: Host): Promise<string[]> {
  const { container } = host;
  const names = [container, `${container}-data`, `${container}-config`];
  const found = await list(host, `name=${container}`);
  return found
    .filter(({ name, server }) => names.includes(name) && server !== container)
    .map(({ kind, name }) => `${kind} ${name}`);
}

/** The expiry of a stack: the latest of its objects. Infinity if an object has no valid expiry. */
export function expiryOf(objects: LabelledObject[]): number {
  const times = objects.map(({ expires }) => expires);
  return times.some(Number.isNaN) ? Infinity : Math.max(...times);
}

/** Extends the expiry of a stack by an empty volume with a later label, since Docker cannot change labels of existing objects. */
export async function extend(host: Host, objects: LabelledObject[], server: string, labels: Labels): Promise<void> {
  const prefix = `${server}-until-`;
  const name = prefix + labels[EXPIRES]?.replace(/\W/g, "");
  await host.docker(["volume", "create", ...labelFlags(labels), name]);
  const former = objects.filter((each) => each.name.startsWith(prefix) && each.name !== name);
  if (former.length > 0) await host.docker(["volume", "rm", "--force", ...former.map(({ id }) => id)]);
}

/** Helper containers of a killed run that use a volume: the volume can be removed only after them. */
async function helpersOf(host: Host, volumes: LabelledObject[]): Promise<string[]> {
  if (volumes.length === 0) return [];
  const holding = volumes.flatMap(({ name }) => ["--filter", `volume=${name}`]);
  const list = ["ps", "--all", "--quiet", "--no-trunc", "--filter", "label=pgwright.helper", ...holding];
  return (await host.docker(list)).toString().split("\n").filter(Boolean);
}

/** Removes all labelled objects of a server, data included, and no others. Throws with the objects that remain and the reasons. */
export async function removeLabelled(host: Host, server: string): Promise<void> {
  const found = await findLabelled(host, server);
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
  const remaining = await findLabelled(host, server);
  if (remaining.length === 0) return;
  const names = remaining.map(({ kind, name }) => `${kind} ${name}`).join(", ");
  throw new Error(`${server}: not removed: ${names}; ${problems.join(" ")}`);
}
