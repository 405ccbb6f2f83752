import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { docker, TestStack } from "../integration/stack";
import { Checks, expect } from "./checks";

// Archived partitions on their way into files and back, with rows coming in, while agent, server and session are killed at any
// moment: each row is in its table or in a file that is on record, never in neither, and all come back.
//   npm run test:faults -- archives [SECONDS]

const ROWS = 20_000;
const SET = {
  interval: "1 month",
  premake: 1,
  retention: { age: "3 months", then: "archive", schema: "old", dump: true },
} as const;

interface Partition {
  name: string;
  /** Count and checksum of its rows. */
  content: string;
}

const CONTENT = "count(*) || ' ' || coalesce(sum(hashtextextended(at::text || what, 0)), 0)";

/** Ends one of those that take part, at a random moment of the next second and a half, and brings it back. */
async function kill(stack: TestStack): Promise<string> {
  await sleep(Math.random() * 1500);
  const agent = `${stack.container}-agent`;
  const what = ["agent", "server", "session", "nobody"][Math.floor(Math.random() * 4)] as string;
  if (what === "agent") {
    docker("kill", agent);
    docker("start", agent);
  } else if (what === "server") {
    docker("kill", stack.container);
    docker("start", stack.container);
    docker("exec", stack.container, "sh", "-c", "until pg_isready -q -h 127.0.0.1; do sleep 0.1; done");
  } else if (what === "session") {
    stack.sql(
      "app",
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'app' AND pid <> pg_backend_pid()",
    );
  }
  return what;
}

/** Runs a script of the agent while somebody is killed. */
async function disturbed(stack: TestStack, ...command: string[]): Promise<string> {
  const child = spawn("docker", ["exec", `${stack.container}-agent`, ...command], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.on("close", resolve));
  const killed = await kill(stack);
  await ended;
  return killed;
}

/** Where a partition is: in its table, in a file on record. */
function places(stack: TestStack, { name }: Partition): string {
  return stack.sql(
    "app",
    `SELECT concat_ws(' ', CASE WHEN to_regclass('old.${name}') IS NOT NULL THEN 'table' END,
       (SELECT 'file' FROM pgwright.partition_archives WHERE name = 'old.${name}'))`,
  );
}

export async function run([seconds = "120"]: string[]): Promise<void> {
  const checks = new Checks();
  const stack = await TestStack.create({
    backup: { dumps: {} },
    roles: { keeper: { login: true, password: false } },
    databases: { app: { owner: "keeper", schemas: { data: {}, old: {} } } },
  });
  const sql = (text: string) => stack.sql("app", text);
  const killed: Record<string, number> = {};
  const count = (what: string) => (killed[what] = (killed[what] ?? 0) + 1);
  const made: Partition[] = [];
  try {
    await stack.up();
    sql("SET ROLE keeper; CREATE TABLE data.events (at timestamptz NOT NULL, what text) PARTITION BY RANGE (at)");
    stack.configure((config) => (config.databases!.app!.partitions = { sets: { "data.events": SET } }));
    await stack.up();
    const deadline = Date.now() + Number(seconds) * 1000;
    await checks.that("each partition is in its table or in a file, whoever was killed", async () => {
      for (let i = 0; Date.now() < deadline; i++) {
        const from = `date_trunc('month', now()) - interval '${i + 5} months'`;
        const name = `events_${i}`;
        sql(
          `SET ROLE keeper; CREATE TABLE data.${name} PARTITION OF data.events
             FOR VALUES FROM (${from}) TO (${from} + interval '1 month');
           INSERT INTO data.events SELECT ${from} + n * interval '1 second', md5(n::text) FROM generate_series(1, ${ROWS}) AS n`,
        );
        const partition = { name, content: sql(`SELECT ${CONTENT} FROM data.${name}`) };
        made.push(partition);
        sql("CALL pgwright.maintain_partitions()");
        count(await disturbed(stack, "backup.sh", "dump"));
        sql("INSERT INTO data.events VALUES (now(), 'meanwhile')");
        for (const each of made) {
          const where = places(stack, each);
          expect(["table", "file"].includes(where), `${each.name} is in: ${where || "neither"}`);
          if (where === "table")
            expect(sql(`SELECT ${CONTENT} FROM old.${each.name}`) === each.content, `${each.name} has other rows`);
        }
      }
    });
    await checks.that("an undisturbed run takes what is left", () => {
      docker("exec", `${stack.container}-agent`, "backup.sh", "dump");
      expect(
        made.every((each) => places(stack, each) === "file"),
        "some are still tables",
      );
    });
    await checks.that("all come back with the rows that they had, whoever was killed", async () => {
      for (const each of made) {
        do count(await disturbed(stack, "unarchive.sh", "app", `old.${each.name}`));
        while (sql(`SELECT to_regclass('old.${each.name}') IS NULL`) === "t");
        expect(
          sql(`SELECT ${CONTENT} FROM old.${each.name}`) === each.content,
          `${each.name} came back with other rows`,
        );
      }
    });
    console.log(`${made.length} partitions of ${ROWS} rows; killed: ${JSON.stringify(killed)}`);
  } finally {
    await stack.dispose();
  }
  checks.close();
}
