import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { TestStack } from "../stack";

// A pull request that changes all of the code, and the step of the workflow that previews it.

const ROOT = join(__dirname, "..", "..", "..");
let stack: TestStack;
const inStack = (name: string) => join(stack.folder, name);
const git = (...args: string[]) => spawnSync("git", args, { cwd: ROOT, encoding: "utf8" }).stdout.split("\0");

/** The program file, with a first statement that writes its name into a file. */
function trapped(file: string, text: string): string {
  const write = `appendFileSync(${JSON.stringify(inStack("executed"))}, ${JSON.stringify(`${file}\n`)});\n`;
  const load = /\.(mjs|mts|ts)$/.test(file)
    ? 'import { appendFileSync } from "node:fs";'
    : 'const { appendFileSync } = require("node:fs");';
  return text.replace(/^(#!.*\n)?/, (first) => `${first}${load} ${write}`);
}

beforeAll(async () => {
  stack = await TestStack.create({ roles: { owner: {} }, databases: { app: { owner: "owner" } } });
  for (const file of git("ls-files", "-z").filter((name) => name !== "" && existsSync(join(ROOT, name)))) {
    const copy = join(inStack("pull-request"), file);
    mkdirSync(dirname(copy), { recursive: true });
    cpSync(join(ROOT, file), copy);
    if (/\.(mjs|cjs|mts|ts)$/.test(file)) writeFileSync(copy, trapped(file, readFileSync(copy, "utf8")));
    if (/^sql\/(functions|catalog)\/.*\.sql$/.test(file)) writeFileSync(copy, "SELEC 'of the pull request';\n");
  }
  const touch = `touch ${inStack("executed")}`;
  const scripts = { preinstall: touch, preview: touch, prepreview: touch };
  writeFileSync(join(inStack("pull-request"), "package.json"), JSON.stringify({ scripts }));
  writeFileSync(join(inStack("pull-request"), "Pulumi.yaml"), `name: pgwright\nruntime: nodejs\nmain: evil.js\n`);
  writeFileSync(join(inStack("pull-request"), ".npmrc"), `script-shell=${inStack("evil.sh")}\n`);
  mkdirSync(join(inStack("pull-request"), "sql/proposed"));
  writeFileSync(join(inStack("pull-request"), "sql/proposed/20260101000000_new.sql"), "-- migrate:up\nSELECT 1;\n");
  const own = readFileSync(stack.env.PULUMI_OPTION_CONFIG_FILE as string, "utf8");
  const { config } = parse(own) as { config: Record<string, unknown> };
  config["pgwright:roles"] = { owner: {}, proposed: { login: true } };
  config["pgwright:databases"] = { app: { owner: "owner", migrations: { folder: "sql/proposed" } } };
  writeFileSync(join(inStack("pull-request"), `Pulumi.${stack.name}.yaml`), JSON.stringify({ ...parse(own), config }));
});
afterAll(() => stack?.dispose());

/** The step of the workflow, for this stack. */
function preview(data = inStack("pull-request")) {
  const { jobs } = parse(readFileSync(join(ROOT, ".github/workflows/preview.yml"), "utf8")) as {
    jobs: { preview: { steps: { run?: string }[] } };
  };
  const step = jobs.preview.steps.find(({ run }) => run?.startsWith("npm run preview"))?.run ?? "";
  const command = step
    .replace(" prod ", ` ${stack.name} `)
    .replace(" pull-request ", ` ${data} `)
    .replace("report.md", inStack("report.md"));
  const { status, stdout, stderr } = spawnSync("sh", ["-c", command], { cwd: ROOT, env: stack.env, encoding: "utf8" });
  return { code: status, text: stdout + stderr };
}

it("is previewed with its stack file and its SQL, and nothing of it is executed", () => {
  const { code, text } = preview();
  expect(code, text).toBe(0);
  expect(text).toContain("will apply 20260101000000_new.sql: 1 statement as owner");
  expect(readFileSync(inStack("report.md"), "utf8")).toContain("+ Role proposed\n");
  expect(existsSync(inStack("executed"))).toBe(false);
});

it("is refused where it asks for another engine", () => {
  const file = join(inStack("pull-request"), `Pulumi.${stack.name}.yaml`);
  const { config, ...others } = parse(readFileSync(file, "utf8")) as { config: Record<string, unknown> };
  writeFileSync(file, JSON.stringify({ ...others, config: { ...config, "pgwright:engine": "tcp://192.0.2.1:2375" } }));
  const { code, text } = preview();
  expect(code).not.toBe(0);
  expect(text).toContain("--data: config.pgwright:engine of the proposed stack file differs from this checkout's");
});

it("would be executed if its own checkout were used: the traps work", () => {
  spawnSync(process.execPath, [join(inStack("pull-request"), "cli/start.mjs"), "check"], { env: { PATH: "" } });
  expect(readFileSync(inStack("executed"), "utf8")).toContain("cli/start.mjs");
});
