import { Client } from "pg";
import { Checkout, newName, removeObjects, type Printed } from "../test/integration/ephemeral/checkout";
import { TestStack } from "../test/integration/stack";
import { PlainServer } from "./plain-server";
import { dump, LIMITS, quickStart } from "./quick-start";
import { median, report, seconds } from "./report";

// Compares the quick start's stack as an ephemeral one, through the commands, with a plain script (`docker run` and psql with a dump of
// the same objects, then `docker rm`), and the commits of durable and non-durable stacks.

const ROUNDS = 3;
const COMMITS = 2000;

/** Seconds for COMMITS commits of one row each. */
async function commits({ host, port, roles }: Printed): Promise<number> {
  const client = new Client({ host, port, user: "postgres", password: roles.postgres, database: "postgres" });
  await client.connect();
  try {
    await client.query("CREATE TABLE IF NOT EXISTS t (n int)");
    return await seconds(async () => {
      for (let n = 0; n < COMMITS; n += 1) await client.query("INSERT INTO t VALUES ($1)", [n]);
    });
  } finally {
    await client.end();
  }
}

export async function run(): Promise<void> {
  const times = new Map<string, number[]>();
  const time = async (what: string, act: () => Promise<unknown> | unknown) => {
    times.set(what, [...(times.get(what) ?? []), await seconds(() => Promise.resolve(act()))]);
  };
  const of = (what: string) => median(times.get(what) ?? []);
  const checkout = new Checkout();
  const name = newName();
  const warm = await TestStack.create(quickStart()); // builds the image, which all use
  try {
    await warm.up();
    const { files, image, sql } = await dump(warm);
    await warm.destroy();
    const plain = new PlainServer(`${warm.container}-plain`, { image, files, port: warm.port, ...LIMITS });
    const file = checkout.write(quickStart());
    for (let round = 1; round <= ROUNDS; round += 1) {
      console.log(`round ${round} of ${ROUNDS}`);
      for (const flags of [[], ["--not-durable"]]) {
        const kind = flags.length > 0 ? "not durable" : "durable";
        let made: Printed | undefined;
        await time(`up, ${kind}`, async () => (made = await checkout.up(name, "--from", file, ...flags)));
        times.set(`commits, ${kind}`, [...(times.get(`commits, ${kind}`) ?? []), await commits(made as Printed)]);
        await time(`again, ${kind}`, () => checkout.up(name));
        await time(`destroy, ${kind}`, () => checkout.ephemeral("destroy", name));
      }
      await time("plain up", () => plain.up().then(() => plain.sql(sql)));
      await time("plain down", () => plain.down());
      await time("kept up", () => warm.cli("up"));
      await time("kept down", () => warm.cli("destroy"));
    }
  } finally {
    removeObjects(name);
    checkout.dispose();
    await warm.dispose();
  }
  for (const [what, each] of times) console.log(`${what}: ${each.map((one) => one.toFixed(1)).join(", ")} s`);
  const unit = "s";
  report("ephemeral", [
    { name: "up", ours: of("up, durable"), peer: of("plain up"), unit, against: "docker run and psql" },
    { name: "up-not-durable", ours: of("up, not durable"), peer: of("plain up"), unit, against: "docker run and psql" },
    { name: "up-again", ours: of("again, durable"), peer: of("plain up"), unit, against: "docker run and psql" },
    { name: "destroy", ours: of("destroy, durable"), peer: of("plain down"), unit, against: "docker rm" },
    { name: "destroy-of-kept", ours: of("destroy, durable"), peer: of("kept down"), unit, against: "npm run destroy" },
    {
      name: "commits-not-durable",
      ours: of("commits, not durable"),
      peer: of("commits, durable"),
      unit,
      against: "the same, durable",
    },
  ]);
}
