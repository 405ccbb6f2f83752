import { TestStack } from "../test/integration/stack";
import { PlainServer } from "./plain-server";
import { dump, LIMITS, quickStart } from "./quick-start";
import { median, report, seconds } from "./report";

// Compares the quick start's stack, through `pulumi up`, with a plain script: `docker run` and psql with a dump of the same objects. The
// script does not compare with existing objects, so that it has one time only: creating everything.

const ROUNDS = 3;
/** Longest time of `npm run up` without changes, seconds. */
const COMMAND_WITHIN = 10;

export async function run(): Promise<void> {
  const times: Record<"up" | "command" | "noop" | "preview" | "destroy" | "plainUp" | "plainDown", number[]> = {
    up: [],
    command: [],
    noop: [],
    preview: [],
    destroy: [],
    plainUp: [],
    plainDown: [],
  };
  const warm = await TestStack.create(quickStart()); // builds the image, which both use
  try {
    await warm.up();
    const { files, image, sql } = await dump(warm);
    const plain = new PlainServer(`${warm.container}-plain`, { image, files, port: warm.port, ...LIMITS });
    await warm.destroy();
    for (let round = 1; round <= ROUNDS; round += 1) {
      console.log(`round ${round} of ${ROUNDS}`);
      times.up.push(await seconds(() => warm.up()));
      times.command.push(await seconds(() => warm.cli("up")));
      times.noop.push(await seconds(() => warm.up()));
      times.preview.push(await seconds(() => warm.preview()));
      times.destroy.push(await seconds(() => warm.destroy()));
      times.plainUp.push(await seconds(() => plain.up().then(() => plain.sql(sql))));
      times.plainDown.push(await seconds(() => plain.down()));
    }
  } finally {
    await warm.dispose();
  }
  const making = { peer: median(times.plainUp), unit: "s", against: "docker run and psql, creating everything" };
  report("lifecycle", [
    {
      name: "npm-run-up-of-allowed",
      ours: median(times.command),
      peer: COMMAND_WITHIN,
      unit: "s",
      against: "what `npm run up` may take when nothing changes",
    },
    { name: "up", ours: median(times.up), ...making },
    { name: "noop-up", ours: median(times.noop), ...making },
    { name: "preview", ours: median(times.preview), ...making },
    { name: "destroy", ours: median(times.destroy), peer: median(times.plainDown), unit: "s", against: "docker rm" },
  ]);
}
