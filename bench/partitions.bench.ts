import { spawnSync } from "node:child_process";
import type { Client } from "pg";
import { TestStack } from "../test/integration/stack";
import { partitions, SIDES, type Side } from "./partitions-sides";
import { whileBusy, type Load, type Waits } from "./partitions-waits";
import { median, report, seconds, type Figure } from "./report";

// Compares sets of partitions with pg_partman 5 on the same server: the same tables, partitions and work. One more partition ahead makes
// both create a new partition a set, since pg_partman's clock cannot be set.

type Values = Record<Side["name"], number[]>;
const none = (): Values => ({ ours: [], pg_partman: [] });

const table = (name: string, key = ", PRIMARY KEY (id, at)") =>
  `CREATE TABLE ${name} (id bigint NOT NULL, at timestamptz NOT NULL, filling text${key}) PARTITION BY RANGE (at)`;

/** Runs `act` for each side; the order changes with each round. */
async function alternate(rounds: number, act: (side: Side, round: number) => Promise<void>): Promise<void> {
  for (let round = 0; round < rounds; round += 1)
    for (const side of round % 2 ? [...SIDES].reverse() : SIDES) await act(side, round);
}

function figure(name: string, values: Values, unit: string, of: (values: number[]) => number): Figure {
  return { name, ours: of(values.ours), peer: of(values.pg_partman), unit, against: "pg_partman 5" };
}

// Inserts: rows per second of four clients, fifty rows a statement, into today's partition.

const [INSERT_CLIENTS, INSERT_ROWS, INSERT_ROUNDS, INSERT_SECONDS] = [4, 50, 4, 8];

function insertsASecond(stack: TestStack, into: string): number {
  const script = `INSERT INTO ${into} SELECT nextval('data.ids'), now(), 'a row of the usual length' FROM generate_series(1, ${INSERT_ROWS});`;
  const load = ["-n", "-c", String(INSERT_CLIENTS), "-j", "2", "-T", String(INSERT_SECONDS), "-f", "-"];
  const { stdout, stderr } = spawnSync(
    "docker",
    ["exec", "--interactive", stack.container, "pgbench", "-U", "postgres", ...load, "app"],
    { input: script, encoding: "utf8" },
  );
  const tps = /^tps = ([\d.]+)/m.exec(stdout)?.[1];
  if (!tps) throw new Error(`pgbench: no rate in its output:\n${stdout}${stderr}`);
  return Number(tps) * INSERT_ROWS;
}

async function inserts(stack: TestStack, client: Client): Promise<Figure[]> {
  const values = none();
  for (const side of SIDES) {
    await client.query(table(`data.inserts_${side.name}`));
    await side.adopt(client, { table: `data.inserts_${side.name}`, withDefault: true, past: 5 });
  }
  await alternate(INSERT_ROUNDS, async (side) => {
    await client.query("CHECKPOINT");
    values[side.name].push(insertsASecond(stack, `data.inserts_${side.name}`));
  });
  for (const side of SIDES) await client.query(`TRUNCATE data.inserts_${side.name}`);
  return [figure("inserts", values, "rows/s", median)];
}

// Maintenance of many sets.

const SIZES = [
  { sets: 1, rounds: 7 },
  { sets: 100, rounds: 3 },
  { sets: 1000, rounds: 2 },
];

async function maintenance(client: Client): Promise<Figure[]> {
  const figures: Figure[] = [];
  let sets = 0;
  for (const size of SIZES) {
    for (; sets < size.sets; sets += 1)
      for (const side of SIDES) {
        await client.query(table(`data.many_${side.name}_${sets}`, ""));
        await side.adopt(client, { table: `data.many_${side.name}_${sets}`, withDefault: true, past: 1 });
      }
    const [idle, busy] = [none(), none()];
    await client.query("VACUUM ANALYZE pg_catalog.pg_class, pg_catalog.pg_inherits, pg_catalog.pg_attribute");
    await alternate(size.rounds, async (side) => {
      idle[side.name].push(await seconds(() => side.maintain(client)));
      const before = await partitions(client, `data.many_${side.name}_${sets - 1}`);
      await side.wantOneMore(client);
      busy[side.name].push(await seconds(() => side.maintain(client)));
      const after = await partitions(client, `data.many_${side.name}_${sets - 1}`);
      if (after !== before + 1) throw new Error(`${side.name}: created ${after - before} partitions, not 1`);
    });
    figures.push(
      figure(`idle-run-${sets}-sets`, idle, "s", median),
      figure(`create-run-${sets}-sets`, busy, "s", median),
    );
    for (const { name, ours, peer } of figures.slice(-2))
      console.log(`${name}: ours ${ours.toFixed(3)} s, pg_partman ${peer.toFixed(3)} s`);
  }
  return figures;
}

// Waits: the longest one of all repetitions, of writers and readers.

const REPETITIONS = 3;
const [PAST, ROWS_A_DAY, STRAYS] = [12, 2000, 5000];

type Operation = "create" | "detach" | "drop" | "drain";

async function waitsOf(
  client: Client,
  load: Load,
  withDefault: boolean,
  operations: readonly Operation[],
): Promise<Figure[]> {
  const name = (side: Side) => `data.waits_${side.name}${withDefault ? "" : "_strict"}`;
  for (const side of SIDES) {
    await client.query(table(name(side)));
    await side.adopt(client, { table: name(side), withDefault, past: PAST });
    await client.query(
      `INSERT INTO ${name(side)} SELECT nextval('data.ids'), day + i * interval '1 second', 'a row of the usual length'
       FROM generate_series(current_date - ${PAST}, current_date, interval '1 day') AS day, generate_series(1, ${ROWS_A_DAY}) AS i`,
    );
    await client.query(`VACUUM ANALYZE ${name(side)}`);
  }
  const figures: Figure[] = [];
  let oldest = PAST;
  for (const operation of operations) {
    const waits: Record<Side["name"], Waits[]> = { ours: [], pg_partman: [] };
    await alternate(REPETITIONS, async (side, round) => {
      const set = name(side);
      const before = await partitions(client, set);
      if (operation === "create") await side.wantOneMore(client, set);
      if (operation === "detach" || operation === "drop") await side.retire(client, set, oldest - 1 - round, operation);
      if (operation === "drain")
        await client.query(
          `INSERT INTO ${set} SELECT nextval('data.ids'), current_date + ${100 + round} + i * interval '1 second', 'a stray row'
           FROM generate_series(1, ${STRAYS}) AS i`,
        );
      const act = operation === "drain" ? () => side.drain(client, set) : () => side.maintain(client);
      waits[side.name].push(await whileBusy(load, set, act));
      await side.retireNothing(client, set);
      const made = (await partitions(client, set)) - before;
      const wanted = operation === "create" || operation === "drain" ? 1 : -1;
      if (made !== wanted) throw new Error(`${operation} by ${side.name}: ${made} partitions, not ${wanted}`);
    });
    if (operation === "detach" || operation === "drop") oldest -= REPETITIONS;
    const longest = (side: Side["name"], who: keyof Waits) => Math.max(...waits[side].map((each) => each[who]));
    for (const { name: side } of SIDES)
      console.log(
        `${operation}${withDefault ? "" : " without DEFAULT"}, ${side}: longest wait of a writer ${longest(side, "writer").toFixed(3)} s, ` +
          `of a reader ${longest(side, "reader").toFixed(3)} s; the operation took ${longest(side, "operation").toFixed(1)} s`,
      );
    const either = (side: Side["name"]) => waits[side].map(({ writer, reader }) => Math.max(writer, reader));
    figures.push(
      figure(
        `longest-wait-${operation}${withDefault ? "" : "-no-default"}`,
        { ours: either("ours"), pg_partman: either("pg_partman") },
        "s",
        (all) => Math.max(...all),
      ),
    );
  }
  return figures;
}

async function waits(client: Client, connect: () => Promise<Client>): Promise<Figure[]> {
  const load = { long: await connect(), writer: await connect(), pruned: await connect(), unpruned: await connect() };
  try {
    return [
      ...(await waitsOf(client, load, true, ["create", "detach", "drop", "drain"])),
      ...(await waitsOf(client, load, false, ["create", "detach", "drop"])),
    ];
  } finally {
    for (const each of Object.values(load)) await each.end();
  }
}

/** `npm run bench -- partitions [inserts|maintenance|waits]`: runs one part, or all in about eight minutes. */
export async function run(parts: string[]): Promise<void> {
  const wanted = (part: string) => parts.length === 0 || parts.includes(part);
  const database = {
    owner: "owner",
    schemas: { data: {}, partman: {} },
    extensions: { pg_partman: { schema: "partman" } },
    partitions: { sets: {} },
  };
  const stack = await TestStack.create({
    server: { memory: "1GB", cpus: 2, connections: 20 },
    roles: { owner: { login: true, password: false } },
    // A run of either side maintains all sets of a database: the one for waits has few sets.
    databases: { app: database, many: structuredClone(database) },
  });
  const clients: Client[] = [];
  try {
    await stack.up();
    const password = await stack.output<string>("superuserPassword");
    const connect = async (name: string) => {
      const client = await stack.connect("postgres", password, name);
      clients.push(client);
      await client.query("SET timezone = 'UTC'; CREATE SEQUENCE IF NOT EXISTS data.ids");
      return client;
    };
    const app = await connect("app");
    const figures = [
      ...(wanted("inserts") ? await inserts(stack, app) : []),
      ...(wanted("waits") ? await waits(app, () => connect("app")) : []),
      ...(wanted("maintenance") ? await maintenance(await connect("many")) : []),
    ];
    report("partitions", figures);
  } finally {
    for (const client of clients) await client.end().catch(() => undefined);
    await stack.dispose();
  }
}
