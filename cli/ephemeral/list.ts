import { DATA_PATH } from "../../backup/paths";
import { Host } from "../../provider/host";
import type { EPHEMERAL_LIST, Invocation } from "../options";
import { formatDuration, timeText } from "./arguments";
import { expiryOf, findLabelled, stackOf, type LabelledObject } from "./engine";
import { print, printJson } from "../print";
import { claimedBy } from "./port";
import { engineOf, stacksHere } from "./remove";

/** An ephemeral stack, as the Docker objects on its engine describe it. */
export interface Found {
  name: string;
  host: Host;
  objects: LabelledObject[];
  /** Milliseconds since 1970. */
  expires: number;
}

/** Engines that stacks may be on: the given one; otherwise the default one, and those in stack files of this checkout. */
export function engines(named?: string): (string | undefined)[] {
  return named === undefined ? [...new Set([undefined, ...stacksHere().map((stack) => engineOf(stack))])] : [named];
}

/** Finds the ephemeral stacks on an engine, sorted by expiry. */
export async function findStacks(engine?: string): Promise<Found[]> {
  const objects = await findLabelled(new Host("", engine));
  const servers = [...new Set(objects.map(({ server }) => server))];
  return servers
    .map((server) => {
      const own = objects.filter((each) => each.server === server);
      return { name: stackOf(server), host: new Host(server, engine), objects: own, expires: expiryOf(own) };
    })
    .sort((a, b) => a.expires - b.expires || a.name.localeCompare(b.name));
}

interface Row {
  stack: string;
  expires: string | null;
  port: number | null;
  bytes: number | null;
  server: string;
  engine?: string;
}

/** Prints the ephemeral stacks. */
export async function list({ options: { engine, json } }: Invocation<typeof EPHEMERAL_LIST>): Promise<number> {
  const found = (await Promise.all(engines(engine).map(findStacks))).flat();
  const rows = await Promise.all(found.map(rowOf));
  if (json) printJson(rows);
  else if (rows.length === 0) print("there are no ephemeral stacks");
  else
    printTable([
      ["stack", "until", "port", "data", "server"],
      ...rows.map((row, i) => formatRow(row, found[i] as Found)),
    ]);
  return 0;
}

async function rowOf({ name, host, objects, expires }: Found): Promise<Row> {
  const server = objects.find(({ kind, name: object }) => kind === "container" && object === host.container);
  const port = objects.map((each) => claimedBy(each.name)).find((each) => each !== undefined);
  return {
    stack: name,
    expires: expires === Infinity ? null : timeText(expires),
    port: port ?? null,
    bytes: server?.status === "running" ? await sizeOf(host) : null,
    server: server?.status ?? "none",
    engine: host.engine,
  };
}

/** Size of the server's data, bytes; null if it cannot be read. */
async function sizeOf(host: Host): Promise<number | null> {
  const measure = ["exec", host.container, "du", "--summarize", "--block-size=1", DATA_PATH];
  const printed = await host.docker(measure).then(String, () => "");
  return Number.parseInt(printed) || null;
}

const formatRow = ({ stack, port, bytes, server }: Row, { expires }: Found): string[] => [
  stack,
  formatDuration(expires, Date.now()),
  String(port ?? "-"),
  bytes === null ? "-" : `${Math.ceil(bytes / 2 ** 20)} MB`,
  server,
];

function printTable(rows: string[][]): void {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  for (const row of rows)
    print(
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("   ")
        .trimEnd(),
    );
}
