import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withEffect } from "../../../provider/effect";
import type { Events, Step } from "../../../report/events";
import { toMarkdown } from "../../../report/markdown";
import { makeReport } from "../../../report/report";

const urn = (kind: string, name: string) => `urn:pulumi:prod::pgwright::a:b:C$pgwright:index:${kind}::${name}`;
const nothing: Events = { steps: [], messages: [], unchanged: 3 };
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
    const { effects, warnings, errors, notes } = report({
      messages: [
        of(withEffect("restart", "max_connections 100 -> 200")),
        of(withEffect("loss", "database old is dropped"), "warning"),
        of("reload: work_mem 4MB -> 8MB"),
        of("the server is stopped", "warning"),
        of("port 5432 is taken", "error"),
        of("preview failed", "error"),
      ],
    });
    expect(effects.restart).toEqual([{ kind: "Server", name: "prod", text: "max_connections 100 -> 200" }]);
    expect(effects.loss.map(({ text }) => text)).toEqual(["database old is dropped"]);
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
    expect(text).toBe(`## \`prod\`: **Data loss**, 1 to change, 1 to remove

### Data loss

- database old is dropped

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
    expect(toMarkdown(report({}))).toBe("## `prod`: nothing to change\n");
    expect(toMarkdown(report({ messages: [{ urn: "", severity: "error", text: "no way" }] }))).toMatch(
      /^## `prod`: \*\*refused\*\*, nothing to change/,
    );
  });

  it("shows any text as it is, inside of its blocks, and fits into a comment", () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom("```", "````diff", "</details>", "a\n```\nb", "x".repeat(70_000)),
    );
    fc.assert(
      fc.property(text, text, (before, message) => {
        const made = toMarkdown(
          report({
            steps: [step("update", "Role", "app", [{ path: "note", before, after: "new" }])],
            messages: [
              { urn: urn("Role", "app"), severity: "info", text: message },
              { urn: urn("Role", "app"), severity: "warning", text: message },
            ],
          }),
        );
        expect(made.length).toBeLessThan(65_536);
        // Each fence that is opened is closed by one of the same length, with none of that length between.
        const fences = made.split("\n").filter((line) => /^`{3,}(diff)?$/.test(line));
        expect(fences.length % 2).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
