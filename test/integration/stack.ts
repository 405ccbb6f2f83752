import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { parse, stringify } from "yaml";
import type { StackInput } from "../../config/stack";
import { readEvents, type Events } from "../../report/events";
import { subjectOf } from "../../report/report";
import { ensurePulumi } from "../../toolchain/pulumi";

const ROOT = join(__dirname, "..", "..");

/** What one run of Pulumi gave. */
export interface Run {
  code: number;
  /** Both streams, as a user sees them. */
  text: string;
}

/** One step of a preview. */
export interface Step {
  op: string;
  urn: string;
  /** Last part of the type: "Container", "Access", ... */
  kind: string;
  name: string;
  detailedDiff: Record<string, { kind: string }> | null;
}

/** The keys of the stack file, beside port and size, and passwords as a user sets them. */
export type StackConfig = StackInput & { passwords?: Record<string, string> };

export interface Preview extends Run {
  /** Steps that change something. */
  changes: Step[];
  /** What resources have to say. */
  messages: string[];
}

/** A port that nothing listens on, below the range from which the system picks ports for outgoing connections. */
export async function freePort(address = "127.0.0.1"): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.on("error", () => resolve(false));
      server.listen(port, address, () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

async function finished(child: ChildProcess): Promise<Run> {
  let text = "";
  child.stdout?.on("data", (chunk) => (text += chunk));
  child.stderr?.on("data", (chunk) => (text += chunk));
  const code = await new Promise<number>((resolve) => child.on("close", (status) => resolve(status ?? 1)));
  return { code, text };
}

export function docker(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("docker", args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (status !== 0) throw new Error(`docker ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** Names of test stacks hold the process that made them, so that what a killed run has left can be distinguished from what is in use. */
const NAME = /^pgwright-t(\d+)-[0-9a-f]+/;

/** Removes containers, volumes and networks of test runs that are no more, with the claims to ports of their ephemeral stacks. */
export function removeAbandoned(): void {
  const abandoned = (name: string) => {
    const pid = NAME.exec(name)?.[1];
    return pid !== undefined && spawnSync("kill", ["-0", pid]).status !== 0;
  };
  const list = (...args: string[]) =>
    docker(...args)
      .split("\n")
      .filter(abandoned);
  for (const name of list("ps", "--all", "--format", "{{.Names}}")) docker("rm", "--force", name);
  const volumes = docker("volume", "ls", "--format", '{{.Name}} {{.Label "pgwright.ephemeral"}}').split("\n");
  for (const volume of volumes) {
    const [name = "", server = ""] = volume.split(" ");
    if (abandoned(name) || abandoned(server)) docker("volume", "rm", name);
  }
  for (const name of list("network", "ls", "--format", "{{.Name}}")) docker("network", "rm", name);
}

/** A stack of its own: name, port, state and stack file; everything of it is removed at the end. */
export class TestStack {
  protected constructor(
    readonly name: string,
    readonly port: number,
    readonly folder: string,
    protected readonly pulumi: string,
    readonly env: NodeJS.ProcessEnv,
    public config: StackConfig,
  ) {}

  /** `config` is what the stack file says beside port and size. */
  static async create(config: StackConfig = {}): Promise<TestStack> {
    const stack = await this.prepare(config);
    await stack.beginState("state");
    return stack;
  }

  /** Everything but the state. */
  protected static async prepare(config: StackConfig): Promise<TestStack> {
    const name = `t${process.pid}-${randomBytes(3).toString("hex")}`;
    const folder = mkdtempSync(join(tmpdir(), "pgwright-test-"));
    const pulumi = await ensurePulumi({ log: () => undefined });
    const port = await freePort();
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      ...pulumi.env,
      PULUMI_CONFIG_PASSPHRASE: randomBytes(12).toString("hex"),
      PULUMI_OPTION_CONFIG_FILE: join(folder, `Pulumi.${name}.yaml`),
      PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    };
    const stack = new this(name, port, folder, pulumi.command, env, config);
    stack.write();
    return stack;
  }

  /** An empty state, in a folder of its own: what the stack has on the engine stays, and nothing knows that it is the stack's. */
  async beginState(folder: string): Promise<void> {
    mkdirSync(join(this.folder, folder));
    this.env.PULUMI_BACKEND_URL = `file://${join(this.folder, folder)}`;
    await this.must("stack", "init", this.name);
    // Pulumi writes it there, and not into the file of PULUMI_OPTION_CONFIG_FILE.
    const written = join(ROOT, `Pulumi.${this.name}.yaml`);
    const salt = existsSync(written) ? /^encryptionsalt: .*\n/m.exec(readFileSync(written, "utf8"))?.[0] : undefined;
    if (salt && this.salt === undefined) appendFileSync(this.env.PULUMI_OPTION_CONFIG_FILE as string, salt);
    rmSync(written, { force: true });
  }

  /** Name of the container and prefix of the volumes. */
  get container(): string {
    return `pgwright-${this.name}`;
  }

  /** Changes the stack file. */
  configure(change: (config: StackConfig) => void): void {
    change(this.config);
    this.write();
  }

  /** What the stack file holds, but for passwords. */
  protected get whole(): StackInput {
    const server = { port: this.port, memory: "512MB", cpus: 1, connections: 20, ...this.config.server };
    const whole: StackConfig = { ...this.config, server };
    delete whole.passwords;
    return whole;
  }

  private write(): void {
    const file = this.env.PULUMI_OPTION_CONFIG_FILE as string;
    const salt = this.salt === undefined ? "" : `encryptionsalt: ${this.salt}`;
    const entries = Object.entries(this.whole).map(([key, value]) => [`pgwright:${key}`, value]);
    writeFileSync(file, `${stringify({ config: { ...Object.fromEntries(entries), ...this.secrets } })}${salt}\n`);
    this.unencrypted = { ...this.config.passwords };
  }

  /** What Pulumi encrypts with, beside the passphrase; undefined before there is a state. */
  protected get salt(): string | undefined {
    const file = this.env.PULUMI_OPTION_CONFIG_FILE as string;
    return existsSync(file) ? /^encryptionsalt: (.*)$/m.exec(readFileSync(file, "utf8"))?.[1] : undefined;
  }

  /** Passwords of the configuration that Pulumi has yet to encrypt into the stack file. */
  private unencrypted: Record<string, string> = {};

  protected async encrypt(): Promise<void> {
    const passwords = Object.entries(this.unencrypted);
    this.unencrypted = {};
    for (const [role, password] of passwords) await this.setSecret(`pgwright:passwords["${role}"]`, password);
  }

  private async setSecret(path: string, value: string): Promise<void> {
    const child = spawn(this.pulumi, ["config", "set", "--secret", "--path", path, "--stack", this.name], {
      cwd: ROOT,
      env: this.env,
    });
    child.stdin.end(value);
    const { code, text } = await finished(child);
    if (code !== 0) throw new Error(text);
  }

  /** Sets a secret of the stack file, or a part of one (`backupS3.bucket.key`); it stays when the stack file changes. */
  async secret(path: string, value: string): Promise<void> {
    await this.setSecret(`pgwright:${path}`, value);
    const [name = ""] = path.split(".");
    const file = readFileSync(this.env.PULUMI_OPTION_CONFIG_FILE as string, "utf8");
    const { config } = parse(file) as { config: Record<string, unknown> };
    this.secrets[`pgwright:${name}`] = config[`pgwright:${name}`];
  }

  /** Encrypted already. */
  private readonly secrets: Record<string, unknown> = {};

  /** Starts Pulumi; the caller may kill it. */
  start(...args: string[]) {
    return spawn(this.pulumi, args, { cwd: ROOT, env: this.env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  }

  async run(...args: string[]): Promise<Run> {
    if (args[0] !== "stack") await this.encrypt(); // there is a stack to encrypt for
    return finished(this.start(...args));
  }

  private async must(...args: string[]): Promise<string> {
    const { code, text } = await this.run(...args);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${code}:\n${text}`);
    return text;
  }

  /** `pulumi up`, which has to succeed. */
  up(...args: string[]): Promise<string> {
    return this.must("up", "--yes", "--skip-preview", "--stack", this.name, ...args);
  }

  /** `pulumi up`, which may fail. */
  tryUp(...args: string[]): Promise<Run> {
    return this.run("up", "--yes", "--skip-preview", "--stack", this.name, ...args);
  }

  async preview(...args: string[]): Promise<Preview> {
    const { code, text } = await this.run("preview", "--json", "--stack", this.name, ...args);
    const json = JSON.parse(text.slice(text.indexOf("{"))) as {
      steps?: { op: string; urn: string; detailedDiff: Step["detailedDiff"] }[];
      diagnostics?: { message: string; urn?: string }[];
    };
    const changes = (json.steps ?? [])
      .filter(({ op }) => !["same", "refresh", "read"].includes(op))
      .map((step) => ({ ...step, ...subjectOf(step.urn) }));
    return { code, text, changes, messages: (json.diagnostics ?? []).map(({ message }) => message.trim()) };
  }

  /** Runs Pulumi and reads what its engine does. */
  async observe(...args: string[]): Promise<Run & { events: Events }> {
    const file = join(this.folder, `events-${randomBytes(4).toString("hex")}.json`);
    this.env.PULUMI_DEBUG_COMMANDS = "true"; // shows the flag
    const run = await this.run(...args, "--event-log", file, "--stack", this.name);
    return { ...run, events: readEvents(existsSync(file) ? readFileSync(file, "utf8") : "") };
  }

  /** A preview that looks at everything again and fails if there is anything to change. */
  unchanged(): Promise<Run> {
    return this.run("preview", "--refresh", "--expect-no-changes", "--diff", "--stack", this.name);
  }

  /** The whole state, secrets encrypted. */
  async state(): Promise<{ deployment: { resources: { urn: string; type: string }[] } }> {
    return JSON.parse(await this.must("stack", "export", "--stack", this.name));
  }

  /** Cuts off the file that Pulumi writes in place beside the state. */
  cutOffStateAttributes(): void {
    writeFileSync(join(this.folder, "state", ".pulumi", "stacks", "pgwright", `${this.name}.json.attrs`), "");
  }

  /** What a stack output holds. */
  async output<T>(name: string): Promise<T> {
    return JSON.parse(await this.must("stack", "output", name, "--json", "--show-secrets", "--stack", this.name)) as T;
  }

  /** Runs SQL as the superuser inside the container; rows as psql's unaligned text. */
  sql(database: string, text: string): string {
    return docker(
      "exec",
      this.container,
      "psql",
      "-X",
      "-v",
      "ON_ERROR_STOP=1",
      "-U",
      "postgres",
      "-d",
      `dbname='${database.replace(/[\\']/g, "\\$&")}'`, // else psql takes a name with = for a connection string
      "-Atqc",
      text,
    );
  }

  /** Runs a program in the server's container. */
  inServer(...command: string[]): string {
    return docker("exec", this.container, ...command);
  }

  /** Connects over TCP as a client does. */
  async connect(user: string, password: string, database: string): Promise<Client> {
    const client = new Client({ host: "127.0.0.1", port: this.port, user, password, database });
    client.on("error", () => undefined); // a server that goes away is part of the tests
    await client.connect();
    return client;
  }

  containerId(): string {
    return docker("inspect", "--format", "{{.Id}}", this.container);
  }

  /** What the server has printed. */
  logs(): string {
    const { stdout, stderr } = spawnSync("docker", ["logs", this.container], {
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout + stderr;
  }

  /** When the postmaster has started: another time is a restart. */
  startTime(): string {
    return this.sql("postgres", "SELECT pg_postmaster_start_time()");
  }

  /** One of the npm commands, as a user calls it. */
  async cli(command: string, ...args: string[]): Promise<Run> {
    await this.encrypt();
    const cli = join(ROOT, "cli", "start.mjs");
    const child = spawn(process.execPath, [cli, command, "--stack", this.name, ...args], { cwd: ROOT, env: this.env });
    return finished(child);
  }

  destroy(...args: string[]): Promise<Run> {
    return this.run("destroy", "--yes", "--skip-preview", "--stack", this.name, ...args);
  }

  /** Docker objects that bear the stack's name. */
  remains(): string[] {
    const of = (...args: string[]) =>
      docker(...args)
        .split("\n")
        .filter((name) => name.startsWith(this.container));
    return [
      ...of("ps", "--all", "--format", "{{.Names}}"),
      ...of("volume", "ls", "--quiet"),
      ...of("network", "ls", "--format", "{{.Name}}"),
    ];
  }

  /** Removes everything, whatever state the test has left it in. Not by Pulumi: what a `destroy` does is for tests to check. */
  async dispose(): Promise<void> {
    const names = this.remains();
    if (names.length > 0)
      for (const remove of [
        ["rm", "--force", "--volumes"],
        ["volume", "rm", "--force"],
        ["network", "rm"],
      ])
        spawnSync("docker", [...remove, ...names]); // each of them passes by what is of another kind
    rmSync(this.folder, { recursive: true, force: true });
  }
}
