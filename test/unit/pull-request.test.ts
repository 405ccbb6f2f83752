import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { proposedStackFile, readProposed } from "../../cli/data";
import { dataPath, pathInside } from "../../config/data-file";

describe("the stack file of a pull request", () => {
  const here = "config:\n  pgwright:roles: { a: {} }\n  aws:region: x\nenvironment: [prod]\nencryptionsalt: v1:abc\n";
  const there = here.replace("encryptionsalt: v1:abc\n", "");

  it.each([
    ["keys of pgwright", there.replace("{ a: {} }", "{ b: {} }")],
    ["quotes and comments", `# x\n${there.replace("{ a: {} }", '{ "2020-01-01": {} }')}`],
    ["a salt of its own", here],
    ["a salt of its own in JSON", JSON.stringify(parse(here))],
  ])("may differ in %s, and is used as it is written", (_, text) => {
    expect(proposedStackFile(here, text)).toContain(text.trimEnd());
    expect(parse(proposedStackFile(here, text)).encryptionsalt).toBe("v1:abc");
  });

  it("gets the salt also where it is written as JSON", () => {
    const text = JSON.stringify(parse(there));
    expect(parse(proposedStackFile(here, text))).toEqual({ ...parse(text), encryptionsalt: "v1:abc" });
  });

  it.each([
    ["an engine", "config.pgwright:engine", there.replace("config:", "config:\n  pgwright:engine: tcp://evil")],
    [
      "an engine by the long name",
      "config.pgwright:config:engine",
      there.replace("config:", "config:\n  pgwright:config:engine: x"),
    ],
    ["a plugin's host", "config.docker:host", there.replace("config:", "config:\n  docker:host: tcp://evil")],
    ["another value for a plugin", "config.aws:region", there.replace("region: x", "region: y")],
    ["another environment", "environment", there.replace("[prod]", "[prod, more]")],
    [
      "an environment behind a key of that name",
      "environment",
      there.replace("[prod]", "[evil]").replace("config:", "config:\n  environment: [prod]"),
    ],
    ["no environment", "environment", there.replace("environment: [prod]\n", "")],
    ["a provider of secrets", "secretsprovider", `${there}secretsprovider: awskms://evil\n`],
    ["another salt", "encryptionsalt", here.replace("abc", "def")],
    ["keys that are merged in", "<<", `${there}<<: { environment: [evil] }\n`],
    ["merged configuration", "config.<<", there.replace("config:", "config:\n  <<: { docker:host: evil }")],
  ])("is refused with %s", (_, key, text) => {
    expect(() => proposedStackFile(here, text)).toThrow(
      `${key} of the proposed stack file differs from this checkout's`,
    );
  });
});

describe("files of a pull request", () => {
  const outside = mkdtempSync(join(tmpdir(), "pgwright-test-"));
  const folder = join(outside, "pull-request");
  mkdirSync(join(folder, "sql"), { recursive: true });
  mkdirSync(join(folder, "linked"));
  writeFileSync(join(outside, "key.sql"), "secret");
  writeFileSync(join(folder, "sql", "001_a.sql"), "");
  symlinkSync("../sql/001_a.sql", join(folder, "linked", "001_inside.sql"));
  symlinkSync(outside, join(folder, "up"));
  afterAll(() => rmSync(outside, { recursive: true, force: true }));

  it("are read inside of its checkout", () => {
    expect(pathInside(folder, "sql")).toBe(join(folder, "sql"));
    expect(pathInside(folder, "linked")).toBe(join(folder, "linked"));
    expect(pathInside(folder, "nowhere/x.sql")).toBe(join(folder, "nowhere/x.sql"));
    process.env.PGWRIGHT_DATA = folder;
    expect(dataPath("sql")).toBe(join(folder, "sql"));
    delete process.env.PGWRIGHT_DATA;
    expect(dataPath("sql")).toBe(join(process.cwd(), "sql"));
  });

  it.each(["..", "../key.sql", "/etc/passwd", "sql/../../key.sql", "up", "up/key.sql", "linked/../up/key.sql"])(
    "and not by %s",
    (path) => expect(() => pathInside(folder, path)).toThrow(`"${path}" is outside of the folder ${folder}`),
  );

  it("nor by a link in a folder, or a stack file that is one", () => {
    symlinkSync("../../key.sql", join(folder, "linked", "002_outside.sql"));
    expect(() => pathInside(folder, "linked")).toThrow("is outside of the folder");
    symlinkSync("../key.sql", join(folder, "Pulumi.prod.yaml"));
    expect(() => readProposed(join(outside, "key.sql"), folder, "Pulumi.prod.yaml")).toThrow(
      "is outside of the folder",
    );
  });
});

describe("workflows", () => {
  interface Workflow {
    on: Record<string, unknown>;
    jobs: Record<
      string,
      { environment?: string; steps: { uses?: string; run?: string; with?: Record<string, unknown> }[] }
    >;
  }
  const folder = join(__dirname, "..", "..", ".github", "workflows");
  const workflows = readdirSync(folder).map((file) => ({ file, text: readFileSync(join(folder, file), "utf8") }));
  const jobs = workflows.flatMap(({ file, text }) => {
    const { on, jobs } = parse(text) as Workflow;
    return Object.entries(jobs).map(([name, job]) => ({ name: `${file} ${name}`, on: Object.keys(on), ...job }));
  });

  it("have secrets only in an environment, which the default branch alone can use", () => {
    const secret = jobs.filter((job) => JSON.stringify(job).includes("secrets."));
    expect(secret.map(({ name }) => name).sort()).toEqual([
      "drift.yml drift",
      "ephemeral.yml sweep",
      "preview.yml preview",
    ]);
    expect(secret.filter(({ environment }) => environment !== "production")).toEqual([]);
  });

  it("that run for the base branch check a pull request out beside the code, and run nothing of it", () => {
    const [preview, ...others] = jobs.filter(({ on }) => on.includes("pull_request_target"));
    expect(others).toEqual([]);
    const checkouts = preview!.steps.filter(({ uses }) => uses?.startsWith("actions/checkout"));
    expect(checkouts.map((step) => step.with?.ref && step.with.path)).toEqual([undefined, "pull-request"]);
    expect(checkouts.every((step) => step.with?.["persist-credentials"] === false)).toBe(true);
    expect(JSON.stringify(preview)).not.toMatch(
      /working-directory|"uses":"\.\/|github\.head_ref|pull_request\.(title|body)/,
    );
    const mentions = preview!.steps.filter(({ run }) => run?.includes("pull-request")).map(({ run }) => run);
    expect(mentions).toEqual(["npm run preview -- --stack prod --data pull-request --report report.md"]);
  });
});
