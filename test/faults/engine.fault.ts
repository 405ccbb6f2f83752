import { setTimeout as sleep } from "node:timers/promises";
import { docker, TestStack } from "../integration/stack";
import { Checks, expect } from "./checks";
import { OwnEngine } from "./own-engine";

// An engine of the test's own is ended, in the middle of an `up` too, and its disk runs full. The next `up` repairs, and
// says what to do where it cannot. Takes some five minutes, as root.

/** Of the engine's disk: the image and little more. */
const DISK_MB = 1600;

const config = {
  roles: { owner: {}, reader: { login: true } },
  databases: { app: { owner: "owner", schemas: { data: {} } } },
};

/** The image of a small stack, which is built on the machine's engine if it is not there yet. */
async function image(): Promise<string> {
  const stack = await TestStack.create();
  try {
    await stack.up();
    return docker("inspect", "--format", "{{.Config.Image}}", stack.container);
  } finally {
    await stack.dispose();
  }
}

/** After whatever has happened: `up` succeeds, the rows are there, and there is nothing left to change. */
async function repaired(stack: TestStack, rows: () => string): Promise<void> {
  const { code, text } = await stack.cli("up");
  expect(code === 0, text);
  expect(stack.sql("app", "SELECT count(*) FROM data.t") === rows(), "rows are lost");
  const quiet = await stack.unchanged();
  expect(quiet.code === 0, quiet.text);
}

async function engineEnds(engine: OwnEngine, checks: Checks): Promise<void> {
  const stack = await TestStack.create(structuredClone(config));
  const rows = () => "1000";
  try {
    await stack.up();
    stack.sql("app", "CREATE TABLE data.t AS SELECT generate_series(1, 1000) AS x");
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      await checks.that(`the engine is ended by ${signal} and started again`, async () => {
        await engine.end(signal);
        const { code, text } = await stack.tryUp();
        expect(code !== 0 && /Docker engine .* does not answer; start it/.test(text), text);
        await engine.up();
        await repaired(stack, rows);
      });
      await checks.that(
        `the engine is ended by ${signal} in the middle of an up that restarts the server`,
        async () => {
          stack.configure((each) => (each.server = { ...each.server, connections: signal === "SIGTERM" ? 15 : 12 }));
          const run = stack.tryUp();
          await sleep(3000);
          await engine.end(signal);
          await engine.up();
          await run;
          await repaired(stack, rows);
          const expected = signal === "SIGTERM" ? "15" : "12";
          expect(stack.sql("app", "SHOW max_connections") === expected, "the setting is not in effect");
        },
      );
    }
  } finally {
    await stack.dispose();
  }
  for (const moment of [1500, 3000, 4500]) {
    await checks.that(`the engine is killed ${moment} ms after the start of a first up`, async () => {
      const first = await TestStack.create(structuredClone(config));
      try {
        const run = first.tryUp();
        await sleep(moment);
        await engine.end("SIGKILL");
        await engine.up();
        await run;
        const { code, text } = await first.cli("up");
        expect(code === 0, text);
        const quiet = await first.unchanged();
        expect(quiet.code === 0, quiet.text);
      } finally {
        await first.dispose();
      }
    });
  }
}

async function diskFull(engine: OwnEngine, checks: Checks): Promise<void> {
  await checks.that("a first up on a full disk says what to do, and changes nothing", async () => {
    const stack = await TestStack.create(structuredClone(config));
    try {
      engine.fill();
      const { code, text } = await stack.tryUp();
      expect(code !== 0 && /disk .* is full.*free space/is.test(text), text);
    } finally {
      engine.free();
      await stack.dispose();
    }
  });
  const stack = await TestStack.create(structuredClone(config));
  let acknowledged = 0;
  try {
    await stack.up();
    stack.sql("app", "CREATE TABLE data.t (x int, filling text)");
    await checks.that(
      "a setting is changed on a full disk: the error says what to do, the next up goes on",
      async () => {
        engine.fill();
        stack.configure((each) => (each.server = { ...each.server, settings: { work_mem: "3MB" } }));
        const { code, text } = await stack.tryUp();
        engine.free();
        expect(code !== 0 && /disk .* is full.*free space/is.test(text), text);
        await repaired(stack, () => String(acknowledged));
      },
    );
    await checks.that(
      "the disk runs full while rows are written: what was acknowledged is there afterwards",
      async () => {
        engine.fill(24 * 2 ** 20);
        try {
          for (let i = 0; i < 1000; i += 1) {
            stack.sql(
              "app",
              "INSERT INTO data.t SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 1000) AS i",
            );
            acknowledged += 1000;
          }
          throw new Error("the disk never ran full");
        } catch (error) {
          expect(!/never ran full/.test((error as Error).message), (error as Error).message);
        }
        console.log(`  ${acknowledged} rows were acknowledged`);
        expect(acknowledged > 0, "no row was acknowledged");
        stack.configure((each) => (each.server = { ...each.server, settings: { work_mem: "4MB" } }));
        const { code, text } = await stack.tryUp();
        engine.free();
        expect(code !== 0 && /disk .* is full.*free space/is.test(text), text);
        await repaired(stack, () => String(acknowledged));
      },
    );
  } finally {
    engine.free();
    await stack.dispose();
  }
}

export async function run(): Promise<void> {
  const name = await image();
  const engine = await OwnEngine.start(DISK_MB, name);
  const checks = new Checks();
  process.env.DOCKER_HOST = engine.socket;
  try {
    await engineEnds(engine, checks);
    await diskFull(engine, checks);
  } finally {
    delete process.env.DOCKER_HOST;
    await engine.remove();
  }
  checks.close();
}
