import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withHazard } from "../../../provider/hazard";
import { document, fenced, listed, type Block } from "../../../report/blocks";
import * as drift from "../../../report/drift";
import type { Events, Step } from "../../../report/events";
import { toMarkdown } from "../../../report/markdown";
import { makeReport } from "../../../report/report";

const urn = (kind: string, name: string) => `urn:pulumi:prod::pgwright::a:b:C$pgwright:index:${kind}::${name}`;
const nothing: Events = { steps: [], messages: [], unchanged: 3, outputsChange: false };
const step = (op: Step["op"], kind: string, name: string, values: Step["values"] = []): Step => ({
  op,
  urn: urn(kind, name),
  gone: false,
  values,
});
const report = (events: Partial<Events>) => makeReport("prod", { ...nothing, ...events });

describe("a report", () => {
  it("tells what is put back from what is changed, and from what is left", () => {
    const limit = (before: number, after: number) => [{ path: "limit", before, after }];
    const { changes, putBack, left } = report({
      steps: [
        step("refresh", "Role", "back", limit(20, 7)),
        step("refresh", "Role", "other", limit(20, 7)),
        step("refresh", "Role", "accepted", limit(20, 7)),
        { ...step("refresh", "CronJob", "job"), gone: true },
        step("update", "Role", "back", limit(7, 20)),
        step("update", "Role", "other", limit(7, 30)),
        step("create", "CronJob", "job"),
        step("create", "CronJob", "new"),
        step("update", "Inventory", "prod"),
      ],
    });
    const names = (list: typeof changes) => list.map(({ name }) => name);
    expect(names(putBack)).toEqual(["back", "job"]);
    expect(names(changes)).toEqual(["other", "new"]);
    expect(names(left)).toEqual(["accepted"]);
  });

  it("sorts messages by what they mean for others", () => {
    const of = (text: string, severity: "info" | "warning" | "error" = "info") => ({
      urn: urn("Server", "prod"),
      severity,
      text,
    });
    const { hazards, warnings, errors, notes } = report({
      messages: [
        of(withHazard("restart", "max_connections 100 -> 200")),
        of(withHazard("loss", "database old is dropped"), "warning"),
        of("reload: work_mem 4MB -> 8MB"),
        of("the server is stopped", "warning"),
        of("port 5432 is taken", "error"),
        of("preview failed", "error"),
      ],
    });
    expect(hazards.restart).toEqual([{ kind: "Server", name: "prod", text: "max_connections 100 -> 200" }]);
    expect(hazards.loss.map(({ text }) => text)).toEqual(["database old is dropped"]);
    expect(warnings.map(({ text }) => text)).toEqual(["the server is stopped"]);
    expect(errors.map(({ text }) => text)).toEqual(["port 5432 is taken"]);
    expect(notes.map(({ text }) => text)).toEqual(["reload: work_mem 4MB -> 8MB"]);
  });
});

describe("as Markdown", () => {
  it("begins with what matters", () => {
    const text = toMarkdown(
      report({
        steps: [
          step("update", "CronJob", "nightly", [{ path: "schedule", before: "15 3 * * *", after: "30 3 * * *" }]),
          step("delete", "Database", "old"),
        ],
        messages: [{ urn: urn("Inventory", "prod"), severity: "warning", text: "DATA LOSS: database old is dropped" }],
      }),
    );
    expect(text).toBe(`## \`prod\`: **Data loss**, 1 to update, 1 to delete

### Data loss

- \`database old is dropped\`

### Changes

\`\`\`diff
! CronJob nightly
-   schedule: 15 3 * * *
+   schedule: 30 3 * * *
- Database old
\`\`\`
`);
  });

  it("says so when there is nothing", () => {
    expect(toMarkdown(report({}))).toBe("## `prod`: no changes\n");
    expect(toMarkdown(report({ messages: [{ urn: "", severity: "error", text: "no way" }] }))).toMatch(
      /^## `prod`: \*\*refused\*\*, no changes/,
    );
  });

  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "```",
      "````diff",
      "`",
      " ` ``",
      "</details>",
      "a\n```\nb",
      "a\r```\r\n</details>",
      "@team #1 https://x.example www.x.example a@x.example",
      "<img src=x>&lt;&#64;team",
      "[a](javascript:b) ![c](d) | --- |",
      "\n- one\n1. two\n=====\n+ three",
      "\u001b]8;;https://x.example\u0007a\u001b[2J\u202e\u2066\u0085\u2028b\u200b",
      "x".repeat(70_000),
      "`\n".repeat(10_000),
    ),
  );
  const heading = "## `prod`: **Data loss**, **Access**, 1 to update, 1 to delete";
  const known =
    /^(### [A-Z][a-z ,]+| *- |<details><summary>In detail<\/summary>|<\/details>|\.\.\.|The rest is in .*|)$/;

  it("shows any text as code, which GitHub and a terminal take for nothing else, and fits into a comment", () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, (before, message, name) => {
        const about = (severity: "info" | "warning", text: string) => ({ urn: urn("Role", name), severity, text });
        const made = toMarkdown(
          report({
            steps: [
              step("update", "Role", name, [{ path: `note["${name}"]`, before, after: "new" }]),
              step("delete", "Role", name),
            ],
            messages: [
              about("info", message),
              about("warning", message.trim() || "empty"),
              about("info", withHazard("access", `${name} gains SELECT`)),
              about("warning", withHazard("loss", `${name}: ${message}`)),
            ],
          }),
        );
        expect(made.length).toBeLessThan(65_536);
        expect(made.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        const [first, ...lines] = outsideOfCode(made).split("\n");
        expect(first).toBe(outsideOfCode(heading));
        expect(lines.filter((line) => !known.test(line))).toEqual([]);
        const tags = (tag: string) => lines.filter((line) => line.startsWith(tag)).length;
        expect(tags("</details>")).toBe(tags("<details>"));
      }),
      { numRuns: 200 },
    );
  });

  it("says why, with the resource, in lines that no name can begin", () => {
    const text = toMarkdown(
      report({ messages: [{ urn: urn("Role", "a::b\nRole c"), severity: "error", text: "no\nRole d: no\n  way" }] }),
    );
    expect(text).toContain("\n```\nRole a::b\\nRole c: no\n  Role d: no\n  way\n```\n");
  });
});

describe("a report that is too long for a comment", () => {
  const LIMIT = 65_536;
  const CUT = "The rest is in the output of the command: a comment cannot be longer.";
  const many = <T>(make: (i: number) => T) => Array.from({ length: 5000 }, (_, i) => make(i));
  const lines = many((i) => `line ${i}`);
  const message = (severity: "error" | "info", text: string) => ({ urn: urn("Role", "app"), severity, text });
  const found = { ...step("refresh", "Role", "lost"), gone: true };

  /** Everything outside of code, apart from headings and the items of lists. */
  const opened = (made: string) =>
    outsideOfCode(made)
      .split("\n")
      .filter((line) => !/^(#+ .*| *- |)$/.test(line));

  it.each<[section: string, made: string, around: string[]]>([
    ["Refused", toMarkdown(report({ messages: [message("error", many((i) => `line ${i} of it`).join("\n"))] })), []],
    ["Changes", toMarkdown(report({ steps: many((i) => step("delete", "Role", `line ${i}`)) })), []],
    [
      "Drift that the update reverts",
      toMarkdown(
        report({
          steps: many((i) => i).flatMap((i) => [
            { ...found, urn: urn("Role", `line ${i}`) },
            step("create", "Role", `line ${i}`),
          ]),
        }),
      ),
      [],
    ],
    ["Drift that stays", toMarkdown(report({ steps: many((i) => ({ ...found, urn: urn("Role", `line ${i}`) })) })), []],
    [
      "In detail",
      toMarkdown(report({ messages: many((i) => message("info", `line ${i} of it`)) })),
      ["<details><summary>In detail</summary>", "</details>"],
    ],
    [
      "Undeclared",
      drift.toMarkdown({
        stack: "prod",
        changed: [],
        undeclared: many((i) => ({ kind: "Role", name: `line ${i}`, what: "" })),
      }),
      [],
    ],
  ])("is cut within %s, and closes what it has opened", (section, made, around) => {
    expect(made).toContain(section);
    expect(made).toContain("line 0");
    expect(made).not.toContain("line 4999");
    expect(made.length).toBeLessThan(LIMIT);
    expect(made.length).toBeGreaterThan(LIMIT * 0.9);
    expect(opened(made)).toEqual([...around, "...", CUT]);
  });

  it("is cut at any line, and only at its end", () => {
    const details = (kept: string[]): Block[] =>
      fenced(["<details><summary>d</summary>"], "", kept, ["</details>", ""]);
    const sizes = fc.integer({ min: 0, max: 4000 });
    const kinds = fc.constantFrom(
      details,
      (kept: string[]) => fenced(["### f"], "diff", kept),
      (kept: string[]) =>
        listed(
          "l",
          kept.map((line) => `- \`${line}\``),
        ),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(kinds, sizes), { maxLength: 6 }),
        fc.integer({ min: 1, max: 60 }),
        (parts, width) => {
          const blocks = parts.flatMap(([make, size]) =>
            make(lines.slice(0, size).map((line) => line.padEnd(width, "x"))),
          );
          const whole = ["## h", "", ...blocks.flatMap(({ open, lines: all, close }) => [...open, ...all, ...close])];
          const made = document("## h", blocks);
          expect(made.length).toBeLessThan(LIMIT);
          if (made === whole.join("\n")) return;
          expect(whole.join("\n").length).toBeGreaterThan(LIMIT * 0.9);
          const [shown = ""] = made.split(`...\n\n${CUT}`);
          expect(made).toBe(`${shown}...\n\n${CUT}\n`);
          const around = opened(shown);
          expect(around).toEqual(around.map((_, i) => (i % 2 === 0 ? "<details><summary>d</summary>" : "</details>")));
          expect(around.length % 2).toBe(0);
          // All but the lines that close the last block are the begin of the whole.
          const kept = shown.split("\n");
          const same = kept.findIndex((line, i) => line !== whole[i]);
          expect(same < 0 ? [] : kept.slice(same).filter((line) => !/^(```|<\/details>|)$/.test(line))).toEqual([]);
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** Markdown without its code, by the rules of CommonMark; a fence or span that is left open stays. */
function outsideOfCode(text: string): string {
  const lines: string[] = [];
  let fence: string | undefined;
  for (const line of text.split(/\r\n|\r|\n/)) {
    const ticks = /^ {0,3}(`{3,})[^`]*$/.exec(line)?.[1];
    if (fence === undefined && ticks) fence = ticks;
    else if (fence === undefined) lines.push(line);
    else if (ticks && ticks.length >= fence.length && line.trim() === ticks) fence = undefined;
  }
  if (fence !== undefined) lines.push(fence);
  return lines.join("\n").replace(/(?<!`)(`+)(?!`)[^\n]*?(?<!`)\1(?!`)/g, "");
}
