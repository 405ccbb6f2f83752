import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Events } from "../../../report/events";
import { makeReport, subjectOf, type Report, type ResourceMessage } from "../../../report/report";
import { TestStack } from "../stack";
import { change, type World } from "./changes";
import { Random } from "./random";
import { takeSnapshot, type Snapshot } from "./snapshot";

// A preview is held against what the update then does.

export async function createWorld(seed: number): Promise<World> {
  const stack = await TestStack.create({ roles: { owner: {} } });
  const migrations = join(stack.folder, "migrations");
  mkdirSync(migrations);
  stack.configure((config) => {
    config.databases = { app: { owner: "owner", schemas: { s0: {} }, migrations: { folder: migrations } } };
  });
  await stack.up();
  return { stack, random: new Random(seed), migrations, counter: 0 };
}

const stepsOf = ({ steps }: Events) =>
  steps
    .filter(({ op }) => op !== "refresh")
    .map(({ op, urn }) => `${op} ${subjectOf(urn).kind} ${subjectOf(urn).name}`)
    .sort();

function mustBe(what: string, found: unknown, expected: unknown): void {
  const [a, b] = [found, expected].map((value) => JSON.stringify(value, null, 1));
  if (a !== b) throw new Error(`${what}:\n${a}\nand not\n${b}`);
}

/** Changes something at random, and checks that the preview says what the update does; returns what was changed. */
export async function holdTrue(world: World): Promise<string[]> {
  const { stack } = world;
  const accepted = structuredClone(stack.config);
  const done = change(world);
  const why = `after ${done.join("; ")}`;
  const before = takeSnapshot(stack);
  const plan = join(stack.folder, "plan.json");
  const preview = await stack.observe("preview", "--refresh", "--save-plan", plan);
  const report = makeReport(stack.name, preview.events);
  mustBe(`${why}, the preview has changed the server`, takeSnapshot(stack), before);
  if (preview.code !== 0) {
    await mustBeRefused(world, why, report, before);
    stack.configure(() => (stack.config = accepted));
    await stack.up("--refresh");
    return [...done, "(refused)"];
  }
  // Held to the plan, Pulumi refuses what the preview has not said.
  const update = await stack.observe("up", "--yes", "--skip-preview", "--refresh", "--plan", plan);
  if (update.code !== 0) throw new Error(`${why}, the update fails where the preview did not:\n${update.text}`);
  mustBe(`${why}, the update does other steps than the preview said`, stepsOf(update.events), stepsOf(preview.events));
  compare(why, report, before, takeSnapshot(stack));
  const { code, text } = await stack.unchanged();
  if (code !== 0) throw new Error(`${why}, another preview finds something to change:\n${text}`);
  return done;
}

/** What is refused in a preview is refused in an update, which changes nothing then. */
async function mustBeRefused({ stack }: World, why: string, report: Report, before: Snapshot): Promise<void> {
  if (report.errors.length === 0) throw new Error(`${why}, the preview fails without a word`);
  const { code } = await stack.run("up", "--yes", "--refresh", "--stack", stack.name);
  if (code === 0) throw new Error(`${why}, the update does what the preview refused`);
  mustBe(`${why}, the refused update has changed the server`, takeSnapshot(stack), before);
}

/** What the report says of hazards, held against two looks at the server. */
function compare(why: string, { hazards, changes, putBack }: Report, before: Snapshot, after: Snapshot): void {
  const lost = Object.keys(before.databases).filter((name) => !(name in after.databases));
  const reported = hazards.loss.flatMap(({ text }) => /^database (\S+) is dropped/.exec(text)?.[1] ?? []);
  mustBe(`${why}, databases that are reported as dropped`, reported.sort(), lost.sort());
  const restarted = before.started !== after.started;
  mustBe(`${why}, a restart is reported`, hazards.restart.length > 0, restarted);
  const replaced = changes.some(({ kind, op }) => kind === "Container" && op === "replace");
  mustBe(`${why}, another container is reported`, replaced, before.container !== after.container);
  compareAccess(why, hazards.access, before, after);
  if (changes.length + putBack.length === 0) mustBe(`${why}, nothing was reported`, after, before);
}

/** Who may do more or less with what was there before has to be reported, by its own name or that of a group; and nobody else. */
function compareAccess(why: string, reported: ResourceMessage[], before: Snapshot, after: Snapshot): void {
  const tables = (lines: string[]) => new Set(lines.map((line) => line.split(" ").slice(3).join(" ")));
  const there = (role: string, snapshot: Snapshot) => snapshot.globals.includes(`CREATE ROLE ${role};`);
  const [former, now] = [tables(before.access), tables(after.access)];
  const changed = [
    ...before.access.filter((line) => !after.access.includes(line)),
    ...after.access.filter((line) => !before.access.includes(line)),
  ];
  for (const line of changed) {
    const [database = "", role = "", privilege, table = ""] = line.split(" ");
    if (!(database in after.databases) || !there(role, before) || !there(role, after)) continue;
    if (!former.has(table) || !now.has(table)) continue;
    const names = [role, "PUBLIC", ...(before.groups[role] ?? []), ...(after.groups[role] ?? [])];
    if (!reported.some(({ text }) => names.some((name) => new RegExp(`(^|, )${name} `).test(text))))
      throw new Error(
        `${why}, nothing reported that ${role} has or has no more ${privilege} on ${table} of ${database}`,
      );
  }
  const same = JSON.stringify([before.globals, before.databases]) === JSON.stringify([after.globals, after.databases]);
  if (reported.length > 0 && same)
    throw new Error(`${why}, no privilege is another, though reported: ${reported[0]?.text}`);
}
