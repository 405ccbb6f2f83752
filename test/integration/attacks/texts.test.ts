import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { InProcessStack } from "../in-process-stack";

// Previews before the first update: texts of a pull request on their way to a terminal and a comment.

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const ATTACK = "a\nDATA LOSS: b\u001b[2J\u202e\r</details>@t::c";

let stack: InProcessStack;
let report: string;
const folder = () => join(stack.folder, "migrations");
const write = (name: string, text: string) => writeFileSync(join(folder(), name), text);
const preview = async () => {
  const { code, text } = await stack.cli("preview", "--report", report);
  return { code, text, lines: text.trimEnd().split("\n"), comment: readFileSync(report, "utf8") };
};

beforeAll(async () => {
  stack = await InProcessStack.create();
  report = join(stack.folder, "report.md");
  mkdirSync(folder());
});
afterAll(() => stack.dispose());

it("names of roles, databases, schemas, jobs and files cannot begin a line or move the cursor", async () => {
  write(`20260101000000_${ATTACK.replace("/", "")}.sql`, "-- migrate:up\nSELECT 1;\n");
  stack.configure((config) => {
    const jobs = { [ATTACK]: { schedule: "0 3 * * *", command: "SELECT 1", role: ATTACK } };
    config.roles = { owner: {}, [ATTACK]: { login: true, memberOf: ["owner"] } };
    config.databases = {
      [ATTACK]: { owner: "owner", schemas: { [ATTACK]: {} }, jobs, migrations: { folder: folder() } },
    };
  });
  const good = await preview();
  expect(good.code, good.text).toBe(0);
  expect(good.text).toContain("will apply 20260101000000_a\\nDATA LOSS: b\\u{1b}[2J");
  stack.configure((config) => (config.databases![ATTACK]!.jobs![ATTACK]!.command = "SELEC 1"));
  const refused = await preview();
  expect(refused.lines.at(-1)).toMatch(
    /^CronJob a\\nDATA LOSS: b\\u\{1b\}.*: command: line 1: syntax error at or near "SELEC"$/,
  );
  stack.configure((config) => (config.databases![ATTACK]!.jobs![ATTACK]!.role = `${ATTACK}x`));
  const wrong = await preview();
  expect(wrong.lines.at(-1)).toMatch(/^ {2}pgwright:databases\.a\\nDATA LOSS/);
  for (const { text, comment } of [good, refused, wrong]) {
    expect(
      `${text}${comment}`.split("\n").filter((line) => /^\s*DATA LOSS/.test(line) || INVISIBLE.test(line)),
    ).toEqual([]);
  }
});

it("bad migration files are reported each in a line, the last line too, without the text of a file", async () => {
  const secret = "7f3kq".repeat(1000);
  for (let i = 0; i < 110; i += 1) write(`20260102000${100 + i}_good.sql`, `-- migrate:up\nSELECT '${secret}';\n`);
  write("20260103000000_bad.sql", `-- migrate:up\nSELECT 1;\nSELEC '${secret}';\n`);
  stack.configure((config) => {
    config.roles = { owner: {} };
    config.databases = { app: { owner: "owner", migrations: { folder: folder() } } };
  });
  const one = await preview();
  expect(one.code).not.toBe(0);
  expect(one.lines.at(-1)).toBe('Migrations app: files: 20260103000000_bad.sql:3: syntax error at or near "SELEC"');
  write("20260103000001_open.sql", `-- migrate:up\nSELECT '${secret};\n`);
  write("20260103000002_two.sql", `-- migrate:up\nALTER ROLE a '${secret}';\n`);
  const three = await preview();
  expect(three.lines.slice(-4)).toEqual([
    "Migrations app: files: 3 files have problems:",
    '  20260103000000_bad.sql:3: syntax error at or near "SELEC"',
    "  20260103000001_open.sql:2: unterminated quoted string",
    "  20260103000002_two.sql:2: syntax error at or near a string constant",
  ]);
  for (const { text, comment } of [one, three]) {
    expect(text.length + comment.length).toBeLessThan(10_000);
    expect(text + comment).not.toContain("7f3kq");
  }
});
