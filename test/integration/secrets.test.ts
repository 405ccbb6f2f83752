import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { docker, TestStack } from "./stack";

const GIVEN = "text-that-nobody-else-has-4711";
const CHANGED = "another-text-that-nobody-has-4712";

/** The arguments of every process of the machine, the container's included. */
function commandLines(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      } catch {
        return ""; // it has ended meanwhile
      }
    });
}

function everyFile(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
    .join("\n");
}

let stack: TestStack;
let secrets: string[];
const seen = new Set<string>();
let output = "";

beforeAll(async () => {
  stack = await TestStack.create({
    // The log of every change of a role: where passwords would be found first.
    server: { settings: { shared_preload_libraries: "pg_stat_statements,pg_cron,pgaudit" } },
    roles: { owner: {}, given: { login: true }, made: { login: true } },
    databases: { app: { owner: "owner" } },
    passwords: { given: GIVEN },
  });
  const timer = setInterval(() => commandLines().forEach((line) => seen.add(line)), 25);
  output += await stack.up("--diff");
  stack.configure((config) => (config.passwords = { given: CHANGED }));
  output += (await stack.preview("--diff")).text;
  output += await stack.up("--diff");
  clearInterval(timer);
  const passwords = await stack.output<Record<string, string>>("rolePasswords");
  secrets = [GIVEN, CHANGED, passwords.made as string, await stack.output<string>("superuserPassword")];
  expect(passwords.given).toBe(CHANGED);
});
afterAll(() => stack.dispose());

const holdsNone = (text: string) => expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);

it("are found where they belong: otherwise this test looks for the wrong text", async () => {
  const client = await stack.connect("given", CHANGED, "postgres").catch((error: Error) => error);
  expect(client).not.toMatchObject({ message: expect.stringMatching(/password authentication failed/) });
  expect(secrets.every((secret) => secret.length >= 20)).toBe(true);
});

it("are not in the state", () => holdsNone(everyFile(join(stack.folder, "state"))));

it("are not in what Docker knows of container, image and volumes", () => {
  const image = docker("inspect", "--format", "{{.Config.Image}}", stack.container);
  holdsNone(docker("inspect", stack.container, image, `${stack.container}-data`, `${stack.container}-config`));
  holdsNone(docker("history", "--no-trunc", image));
});

it("are not in the image", () => {
  const image = docker("inspect", "--format", "{{.Config.Image}}", stack.container);
  const patterns = secrets.flatMap((secret) => ["-e", secret]);
  const found = spawnSync("sh", [
    "-c",
    `docker save "$0" | grep --binary-files=text --count --fixed-strings "$@"`,
    image,
    ...patterns,
  ]);
  expect(found.stdout.toString().trim()).toBe("0");
});

it("are in no process list while `up` runs", () => {
  expect([...seen].some((line) => line.includes("pulumi"))).toBe(true);
  holdsNone([...seen].join("\n"));
});

it("are in no environment of the server", () =>
  holdsNone(docker("exec", stack.container, "sh", "-c", "cat /proc/[0-9]*/environ")));

it("are not in the server's log", () => {
  expect(stack.logs()).toMatch(/ALTER ROLE/); // the log does speak of passwords being set
  holdsNone(stack.logs());
  expect(stack.logs()).not.toMatch(/SCRAM-SHA-256\$/);
});

it("are not in what Pulumi prints", () => holdsNone(output));

it("are not in files of the volumes in plain text", () => {
  const patterns = secrets.map((secret) => `-e ${secret}`).join(" ");
  const text = docker(
    "exec",
    stack.container,
    "sh",
    "-c",
    `grep -r --count --fixed-strings ${patterns} /var/lib/postgresql /etc/pgwright | grep -v ':0$' || true`,
  );
  expect(text).toBe("");
});
