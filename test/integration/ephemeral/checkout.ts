import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { stringify } from "yaml";
import type { StackInput } from "../../../config/stack";
import { docker, type Run } from "../stack";

export const ROOT = join(__dirname, "..", "..", "..");

/** What `up --json` prints. */
export interface Printed {
  stack: string;
  expires: string;
  host: string;
  port: number;
  databases: string[];
  roles: Record<string, string>;
}

/** A name that the next test run knows for a killed one's. */
export const newName = () => `t${process.pid}-${randomBytes(3).toString("hex")}`;

/** A database with one role that logs in, and one that owns. */
export const contents: StackInput = {
  server: { memory: "512MB", cpus: 1, connections: 20 },
  roles: { owner: {}, app: { login: true } },
  databases: {
    shop: {
      owner: "owner",
      schemas: { data: {} },
      grants: { app: { database: ["CONNECT"], schemas: { data: { schema: ["USAGE", "CREATE"] } } } },
    },
  },
};

/** A checkout with a state of its own, in which `npm run ephemeral` is run. */
export class Checkout {
  readonly folder = mkdtempSync(join(tmpdir(), "pgwright-test-"));
  readonly local = join(this.folder, "local");
  readonly env: NodeJS.ProcessEnv;

  constructor(more: NodeJS.ProcessEnv = {}) {
    this.env = { ...process.env, PGWRIGHT_LOCAL: this.local, PULUMI_CREDENTIALS_PATH: this.folder, ...more };
  }

  /** Writes a stack file to be made from. `salted`: lines beside the configuration. */
  write(config: object = contents, salted = ""): string {
    const file = join(this.folder, `Pulumi.${randomBytes(3).toString("hex")}.yaml`);
    const keys = Object.entries(config).map(([key, value]) => [`pgwright:${key}`, value]);
    writeFileSync(file, stringify({ config: Object.fromEntries(keys) }) + salted);
    return file;
  }

  /** Starts a command; the caller may kill it, with all that it has started. */
  start(...args: string[]): ChildProcess {
    const start = [join(ROOT, "cli", "start.mjs"), ...args];
    return spawn(process.execPath, start, {
      cwd: ROOT,
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
  }

  async cli(...args: string[]): Promise<Run & { stdout: string }> {
    const child = this.start(...args);
    let [text, stdout] = ["", ""];
    child.stdout?.on("data", (chunk) => ((text += chunk), (stdout += chunk)));
    child.stderr?.on("data", (chunk) => (text += chunk));
    const code = await new Promise<number>((resolve) => child.on("close", (status) => resolve(status ?? 1)));
    return { code, text, stdout };
  }

  ephemeral = (...args: string[]) => this.cli("ephemeral", ...args);

  /** `up`, which has to succeed. */
  async up(name: string, ...args: string[]): Promise<Printed> {
    const { code, text, stdout } = await this.ephemeral("up", name, "--json", ...args);
    if (code !== 0) throw new Error(text);
    return JSON.parse(stdout) as Printed;
  }

  /** From now on commands of this checkout are run as if it were later, at `time` or the next moment. */
  advanceTo(time: number): void {
    const ahead = Math.max(0, time - Date.now() + 1000);
    Object.assign(this.env, {
      NODE_OPTIONS: `--require "${join(__dirname, "later.cjs")}"`,
      TEST_CLOCK_AHEAD: `${ahead}`,
    });
  }

  /** Undoes that. */
  presentTime(): void {
    this.env.NODE_OPTIONS = process.env.NODE_OPTIONS;
  }

  /** Leaves what Pulumi leaves when it is killed while it writes the state. */
  leaveHalfWritten(name: string): void {
    const states = join(this.local, "state", ".pulumi", "stacks", "pgwright");
    mkdirSync(states, { recursive: true });
    writeFileSync(join(states, `${name}.json.18ec15fbc979e202.tmp`), "{");
  }

  /** Names of files and folders here that have the name of a stack. */
  filesOf(name: string): string[] {
    const files = existsSync(this.local) ? readdirSync(this.local, { recursive: true, encoding: "utf8" }) : [];
    return files.filter((file) => file.includes(name));
  }

  /** The checkout is gone, with its state. */
  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder);
  }
}

/** Connects as a client does. */
export async function query(printed: Printed, role: string, text: string, database = "shop"): Promise<unknown[]> {
  const { host, port, roles } = printed;
  const client = new Client({ host, port, user: role, password: roles[role], database });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** Docker objects of a stack, by their marks and by their names. */
export function objectsOf(name: string): string[] {
  const lists = [
    ["ps", "--all", "--format", '{{.Names}}\t{{.Label "pgwright.ephemeral"}}'],
    ["volume", "ls", "--format", '{{.Name}}\t{{.Label "pgwright.ephemeral"}}'],
    ["network", "ls", "--format", '{{.Name}}\t{{.Label "pgwright.ephemeral"}}'],
  ];
  const lines = lists.flatMap((list) => docker(...list).split("\n"));
  return lines.filter((line) => line.includes(name)).map((line) => line.split("\t")[0] ?? "");
}

/** Removes what a test that failed has left. */
export function removeObjects(name: string): void {
  for (const object of objectsOf(name)) {
    spawnSync("docker", ["rm", "--force", "--volumes", object]);
    spawnSync("docker", ["volume", "rm", "--force", object]);
    spawnSync("docker", ["network", "rm", object]);
  }
}
