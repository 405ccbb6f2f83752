import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Host } from "../../provider/host";
import { restoreDrill } from "../../provider/kinds/restore-drill";
import type { RestoreDrillInputs } from "../../provider/kinds/restore-drill/inputs";
import type { Operation } from "../../provider/kind";

const inputs: RestoreDrillInputs = { agent: "agent", maxAge: "1d", proven: true };

/** An agent with these ledgers: what it would run in its folder is run in one of the test. */
const operation = (ledgers: Record<string, string>): Operation => {
  const folder = mkdtempSync(join(tmpdir(), "pgwright-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(ledgers)) writeFileSync(join(folder, name), text);
  const host: Partial<Host> = {
    docker: async (args) => execFileSync("sh", args.slice(args.indexOf("sh") + 1), { cwd: folder }),
    inspect: async () => ({ running: true }) as Awaited<ReturnType<Host["inspect"]>>,
  };
  return { host } as Operation;
};
const explain = async (ledgers: Record<string, string>) => restoreDrill.explain?.(inputs, inputs, operation(ledgers));
const proven = async (ledgers: Record<string, string>) =>
  (await restoreDrill.read("agent", inputs, inputs, operation(ledgers)))?.proven;
const drill = (passed: boolean) =>
  `${JSON.stringify({ drill: "drill-1", started_at: "2026-11-25", ended_at: new Date(), passed, backup: null, recovered_to: null, seconds: 1, checks: [] })}\n`;

describe("the drills of a running agent", () => {
  it("prove the backups, or the preview fails", async () => {
    await expect(explain({ "drills.jsonl": drill(true) })).resolves.toBeUndefined();
    expect(await proven({ "drills.jsonl": drill(true) })).toBe(true);
    await expect(explain({ "drills.jsonl": drill(true) + drill(false) })).rejects.toThrow(
      /drill-1, has failed; run npm run drill/,
    );
    expect(await proven({})).toBe(false);
  });

  it("are unknown until the next agent has converted the ledgers of an earlier version, and do not refuse the update", async () => {
    const ledgers = { "drills.tsv": "drill-1\ta\tb\tt\t\\N\t\\N\t1\n" };
    await expect(explain(ledgers)).resolves.toBeUndefined();
    expect(await proven(ledgers)).toBe(true);
  });
});
