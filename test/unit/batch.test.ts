import { expect, it } from "vitest";
import { Batch } from "../../provider/batch";
import { Host } from "../../provider/host";

it("puts what is asked for meanwhile into one question, and goes on after one that failed", async () => {
  const asked: string[][] = [];
  const batch = new Batch(async (_host, keys) => {
    asked.push(keys);
    await new Promise((done) => setTimeout(done, 5));
    if (keys.includes("bad")) throw new Error("no answer");
    return keys.join(" ");
  });
  const host = new Host("a");
  const first = batch.ask(host, "a");
  await Promise.resolve().then(() => undefined);
  await new Promise((done) => setTimeout(done, 1));
  const rest = [batch.ask(host, "bad"), batch.ask(host, "c"), batch.ask(host, "c")];
  expect(await first).toBe("a");
  expect(await Promise.allSettled(rest)).toMatchObject([
    { status: "rejected" },
    { status: "rejected" },
    { status: "rejected" },
  ]);
  expect(await Promise.all([batch.ask(host, "d"), batch.ask(new Host("b"), "e")])).toEqual(["d", "e"]);
  expect(asked).toEqual([["a"], ["bad", "c"], ["d"], ["e"]]);
});
