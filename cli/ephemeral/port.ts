import { createHash } from "node:crypto";
import { EPHEMERAL, labelFlags, type Labels } from "../../provider/ephemeral-labels";
import { CommandError, type Host } from "../../provider/host";
import { isTaken } from "../../provider/port";

// An empty volume on the engine, with the port in its name, claims the port. Of several concurrent runs on any machines, one creates
// the volume, and the others find the labels of another stack on it.

/** Below the range of ephemeral ports, which systems use for outgoing connections. */
const FIRST = 20_000;
const COUNT = 12_000;
const PREFIX = "pgwright-port-";

/** Ports in the order in which a server tries them. The order depends on the server, so that it mostly gets the same port again. */
export function* candidates(server: string): Generator<number> {
  const start = createHash("sha256").update(server).digest().readUInt32BE() % COUNT;
  for (let i = 0; i < COUNT; i += 1) yield FIRST + ((start + i) % COUNT);
}

/** The port that a volume claims; undefined for other volumes. */
export function claimedBy(volume: string): number | undefined {
  return volume.startsWith(PREFIX) ? Number(volume.slice(PREFIX.length)) : undefined;
}

/** Claims a port of the Docker host for a server: its former one if possible, otherwise a free one. Throws if none is free. */
export async function claimPort(
  host: Host,
  server: string,
  { labels, address, former }: { labels: Labels; address: string; former?: number },
): Promise<number> {
  if (former !== undefined && (await claim(host, former, server, labels))) return former;
  const published = await publishedPorts(host);
  for (const port of candidates(server)) {
    if (published.has(port) || (await isTaken(address, port))) continue;
    if (await claim(host, port, server, labels)) return port;
  }
  throw new Error(`no port from ${FIRST} to ${FIRST + COUNT - 1} is free on the Docker host`);
}

async function claim(host: Host, port: number, server: string, labels: Labels): Promise<boolean> {
  const volume = `${PREFIX}${port}`;
  await host.docker(["volume", "create", ...labelFlags(labels), volume]);
  const format = `{{index .Labels "${EPHEMERAL}"}}`;
  return (await host.docker(["volume", "inspect", "--format", format, volume])).toString().trim() === server;
}

/** Ports of all containers, including stopped ones, which need them when they start. */
async function publishedPorts(host: Host): Promise<Set<number>> {
  const containers = (await host.docker(["ps", "--all", "--quiet"])).toString().split("\n").filter(Boolean);
  if (containers.length === 0) return new Set();
  const inspect = ["container", "inspect", "--format", "{{json .HostConfig.PortBindings}}", ...containers];
  const printed = await host.docker(inspect).then(String, (error) => {
    if (error instanceof CommandError) return error.printed; // a container was removed meanwhile
    throw error;
  });
  return new Set([...printed.matchAll(/"HostPort":"(\d+)"/g)].map(([, port]) => Number(port)));
}
