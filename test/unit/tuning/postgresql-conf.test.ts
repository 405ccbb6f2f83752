import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Setting } from "../../../tuning/defaults";
import { parsePostgresqlConf, renderPostgresqlConf } from "../../../tuning/postgresql-conf";
import { tune } from "../../../tuning/tune";

const setting = (name: string, value: string, reason = ""): Setting => ({ name, value, reason });

describe("renderPostgresqlConf", () => {
  it("is what a person can read", () => {
    const text = renderPostgresqlConf([
      setting("work_mem", "4MB", "a\nreason"),
      setting("log_line_prefix", "%m '\\ "),
      setting("cron.timezone", "UTC", "all year"),
    ]);
    expect(text).toMatchInlineSnapshot(`
      "# Written by pgwright from the stack file. The next 'pulumi up' overwrites changes in this file:
      # declare them under server.settings of the stack file.

      # all year
      cron.timezone = 'UTC'

      log_line_prefix = '%m ''\\\\ '

      # a reason
      work_mem = '4MB'
      "
    `);
  });

  it("does not depend on the order of the settings", () => {
    const { settings } = tune({ memory: 4096, cpus: 4, storage: "ssd", workload: "web" });
    const shuffled = fc.shuffledSubarray(settings, { minLength: settings.length });
    fc.assert(fc.property(shuffled, (some) => renderPostgresqlConf(some) === renderPostgresqlConf(settings)));
  });

  it("refuses what would not be one setting", () => {
    expect(() => renderPostgresqlConf([setting("a b", "1")])).toThrow(/"a b" is not a parameter name/);
    expect(() => renderPostgresqlConf([setting("a\nfsync", "off")])).toThrow(/not a parameter name/);
    expect(() => renderPostgresqlConf([setting("work_mem", "1\0")])).toThrow(/NUL/);
    expect(() => renderPostgresqlConf([setting("jit", "on"), setting("JIT", "off")])).toThrow(/set twice/);
  });
});

describe("parsePostgresqlConf", () => {
  it("reads back what was written, whatever the values and reasons", () => {
    const names = fc.stringMatching(/^[a-z_][a-z0-9_]{0,10}(\.[a-z_][a-z0-9_]{0,10})?$/);
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom("'", "\\", "\n", "#", "n", "0", " ") }),
    );
    const values = texts.filter((text) => !text.includes("\0"));
    const settings = fc
      .uniqueArray(fc.record({ name: names, value: values, reason: texts }), { selector: ({ name }) => name })
      .filter((some) => some.every(({ name }) => !name.startsWith("include")));
    fc.assert(
      fc.property(settings, (some) => {
        const parsed = parsePostgresqlConf(renderPostgresqlConf(some));
        expect(parsed).toEqual(new Map(some.map(({ name, value }) => [name, value])));
      }),
    );
  });

  it("reads what people write", () => {
    const text = [
      "# a comment",
      "  Work_Mem=4MB# no space",
      "max_connections 100 # without =",
      "log_line_prefix = '%m # ''x'' \\'y\\' \\101\\n'\t# a comment's quote",
      "search_path='\"$user\", public'",
      "cron.host 'h'",
      "random_page_cost = 1.1\r",
      "",
      "work_mem = 8MB",
    ].join("\n");
    expect(Object.fromEntries(parsePostgresqlConf(text))).toEqual({
      work_mem: "8MB",
      max_connections: "100",
      log_line_prefix: "%m # 'x' 'y' A\n",
      search_path: '"$user", public',
      "cron.host": "h",
      random_page_cost: "1.1",
    });
  });

  it.each([
    "work_mem",
    "= 4MB",
    "work_mem = 'open",
    "work_mem = 1 2",
    "include 'other.conf'",
    "include_dir = 'conf.d'",
    "1a = 2",
  ])("refuses %j with its line", (line) => {
    expect(() => parsePostgresqlConf(`jit = on\n${line}\n`)).toThrow(/line 2 of postgresql.conf/);
  });
});
