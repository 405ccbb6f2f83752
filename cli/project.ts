import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { DATA_FOLDER } from "../config/data-file";
import { withSessionOptions } from "../provider/session-options";
import { readEvents, type Events } from "../report/events";
import { ensurePulumi, type Pulumi } from "../toolchain/pulumi";
import { readProposed } from "./data";
import { log } from "./print";
import { StackFile } from "./stack-file";
import { withTerminal, type Stdout } from "./terminal";

export const ROOT = join(__dirname, "..");

/** Where everything is kept that belongs to this checkout alone: state, passphrase, logs. Never committed. */
export const LOCAL = process.env.PGWRIGHT_LOCAL ?? join(ROOT, ".pgwright");

/** The stack file of an ephemeral stack, made from another one: it is nothing to commit. */
export const ephemeralFile = (stack: string): string => join(LOCAL, "ephemeral", `Pulumi.${stack}.yaml`);

/** Where Pulumi keeps the state. */
export interface Backend {
  /** What decides it. */
  by: string;
  /** Folder of the state, where it is one of this machine. */
  folder?: string;
  /** True for the state that this checkout keeps by itself. */
  own: boolean;
}

function loggedIn(credentials: string): boolean {
  try {
    return Boolean(JSON.parse(readFileSync(join(credentials, "credentials.json"), "utf8")).current);
  } catch {
    return false;
  }
}

/** Decides on the backend; a login or backend of the user is used as it is. */
export function findBackend(env: NodeJS.ProcessEnv, credentials: string): Backend {
  const at = (by: string, url = ""): Backend => ({
    by,
    own: false,
    folder: url.startsWith("file://") ? url.slice(7) : undefined,
  });
  if (env.PULUMI_BACKEND_URL) return at("PULUMI_BACKEND_URL", env.PULUMI_BACKEND_URL);
  if (env.PULUMI_ACCESS_TOKEN) return at("PULUMI_ACCESS_TOKEN");
  const project = parse(readFileSync(join(ROOT, "Pulumi.yaml"), "utf8")) as { backend?: { url?: string } };
  if (project.backend?.url) return at("backend.url in Pulumi.yaml", project.backend.url);
  if (loggedIn(credentials)) return at("your Pulumi login");
  return { by: "this checkout", own: true, folder: join(LOCAL, "state") };
}

const credentialsFolder = (env: NodeJS.ProcessEnv): string =>
  env.PULUMI_CREDENTIALS_PATH ?? env.PULUMI_HOME ?? join(env.HOME ?? "", ".pulumi");

const stateFile = (folder: string, stack: string): string =>
  join(folder, ".pulumi", "stacks", "pgwright", `${stack}.json`);

/** Removes what Pulumi leaves of a stack that it has forgotten: folders that are empty, and files that a run was killed over. */
export function removeTraces(stack: string): void {
  const { folder } = findBackend(process.env, credentialsFolder(process.env));
  if (folder === undefined) return;
  removeHalfWritten(folder, stack);
  for (const kind of ["backups/pgwright", "history/pgwright", "locks/organization/pgwright"])
    rmSync(join(folder, ".pulumi", kind, stack), { recursive: true, force: true });
}

/** Removes states that a run was killed over: they are written beside the state, and take its place when they are whole. */
export function removeHalfWritten(folder: string, stack: string): void {
  const states = dirname(stateFile(folder, stack));
  const files = existsSync(states) ? readdirSync(states) : [];
  for (const file of files.filter((name) => name.startsWith(`${stack}.json.`) && name.endsWith(".tmp")))
    rmSync(join(states, file), { force: true });
}

/** Can there be a state of a stack? Pulumi is not asked: a machine that only removes what has expired need not have it. */
export function mayHaveState(stack: string): boolean {
  const { own, folder } = findBackend(process.env, credentialsFolder(process.env));
  return !own || folder === undefined || existsSync(stateFile(folder, stack));
}

/** The passphrase of the local state, made up once, whoever comes first. */
function passphraseFile(): string {
  const file = join(LOCAL, "passphrase");
  if (existsSync(file)) return file;
  mkdirSync(LOCAL, { recursive: true, mode: 0o700 });
  const own = `${file}-${process.pid}`;
  writeFileSync(own, randomBytes(32).toString("base64url"), { mode: 0o600 });
  try {
    linkSync(own, file); // there whole or not at all, and never over that of another run
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(own);
  }
  return file;
}

/** What one run of Pulumi gave. */
export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

/** What our commands look at in a state. */
export interface Deployment {
  resources?: { type: string; outputs?: Record<string, unknown> }[];
  pending_operations?: PendingOperation[];
}

/** What a run was doing when it was killed. */
export interface PendingOperation {
  type: string;
  resource: { urn: string; type: string; inputs?: Record<string, unknown> };
}

/** Pulumi in this project, with the environment that it needs. */
export class Project {
  private constructor(
    readonly pulumi: Pulumi,
    readonly backend: Backend,
    private readonly env: NodeJS.ProcessEnv,
    private readonly stackFile: StackFile | undefined,
    private readonly isEphemeral: boolean,
    private readonly proposal: { stack: string; data: string } | undefined,
  ) {}

  /** Opens the project for one stack. `data`: the checkout that stack file and SQL come from. */
  static async open(
    stack: string,
    isEphemeral = existsSync(ephemeralFile(stack)),
    data: string | undefined = undefined,
  ): Promise<Project> {
    const pulumi = await ensurePulumi({ log });
    // Sessions of @pulumi/postgresql take the options from the environment.
    const env: NodeJS.ProcessEnv = withSessionOptions({ ...process.env, ...pulumi.env });
    const backend = findBackend(env, credentialsFolder(env));
    if (backend.own && backend.folder) {
      mkdirSync(backend.folder, { recursive: true, mode: 0o700 });
      env.PULUMI_BACKEND_URL = `file://${backend.folder}`;
      if (env.PULUMI_CONFIG_PASSPHRASE === undefined && env.PULUMI_CONFIG_PASSPHRASE_FILE === undefined) {
        env.PULUMI_CONFIG_PASSPHRASE_FILE = passphraseFile();
      }
    }
    // The language host that is built from source would type-check the program with every run; `npm test` does that.
    env.PULUMI_NODEJS_TRANSPILE_ONLY ??= "true";
    if (isEphemeral) env.PULUMI_OPTION_CONFIG_FILE = ephemeralFile(stack);
    const stackFile = backend.own && !isEphemeral ? new StackFile(stack, ROOT, LOCAL) : undefined;
    return new Project(pulumi, backend, env, stackFile, isEphemeral, data === undefined ? undefined : { stack, data });
  }

  private async withStackFile<T>(act: (env: NodeJS.ProcessEnv) => Promise<T>): Promise<T> {
    if (!this.stackFile) return this.withProposal(this.env, act);
    try {
      return await this.withProposal({ ...this.env, PULUMI_OPTION_CONFIG_FILE: this.stackFile.prepare() }, act);
    } finally {
      this.stackFile.finish();
    }
  }

  /** Pulumi works on a copy of a proposed stack file, and the program reads the files that it names. */
  private async withProposal<T>(env: NodeJS.ProcessEnv, act: (env: NodeJS.ProcessEnv) => Promise<T>): Promise<T> {
    if (!this.proposal) return act(env);
    const { stack, data } = this.proposal;
    const name = `Pulumi.${stack}.yaml`;
    const folder = mkdtempSync(join(tmpdir(), "pgwright-data-"));
    try {
      const file = join(folder, name);
      writeFileSync(file, readProposed(env.PULUMI_OPTION_CONFIG_FILE ?? join(ROOT, name), data, name), { mode: 0o600 });
      return await act({ ...env, PULUMI_OPTION_CONFIG_FILE: file, [DATA_FOLDER]: data });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Runs Pulumi with the terminal; returns its exit code. `stdout`: where what it prints goes. */
  async run(args: string[], more: NodeJS.ProcessEnv = {}, stdout: Stdout = "inherit"): Promise<number> {
    return this.withStackFile((env) =>
      withTerminal(this.pulumi.command, args, { cwd: ROOT, env: { ...env, ...more }, stdout }),
    );
  }

  /** Runs Pulumi and reads what its engine does. `quiet`: what it prints is kept, else it goes to `stdout`. */
  async observe(
    args: string[],
    { quiet = false, stdout = "inherit" }: { quiet?: boolean; stdout?: Stdout } = {},
  ): Promise<Result & { events: Events }> {
    const folder = mkdtempSync(join(tmpdir(), "pgwright-events-"));
    try {
      const file = join(folder, "events.json");
      const more = { PULUMI_DEBUG_COMMANDS: "true" }; // shows the flag
      const logged = [...args, "--event-log", file];
      const result = quiet
        ? await this.capture(logged, undefined, more)
        : { code: await this.run(logged, more, stdout), stdout: "", stderr: "" };
      return { ...result, events: readEvents(existsSync(file) ? readFileSync(file, "utf8") : "") };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Runs Pulumi and keeps what it prints. */
  async capture(args: string[], input?: string, more: NodeJS.ProcessEnv = {}, cwd = ROOT): Promise<Result> {
    return this.withStackFile(async (own) => {
      const env = { ...own, ...more };
      const child = spawn(this.pulumi.command, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (chunk) => (stdout += chunk));
      child.stderr.on("data", (chunk) => (stderr += chunk));
      child.stdin.on("error", () => undefined); // it may not want any input
      child.stdin.end(input);
      const code = await new Promise<number>((resolve, reject) => {
        child.on("error", reject);
        child.on("close", (status) => resolve(status ?? 1));
      });
      return { code, stdout, stderr };
    });
  }

  /** The file that holds the state of a stack, where it is kept on this machine and there is one. */
  private localState(stack: string): string | undefined {
    const { folder } = this.backend;
    const file = folder && stateFile(folder, stack);
    return file && existsSync(file) ? file : undefined;
  }

  /** The state of a stack, secrets encrypted. A local one is read from its file, which is half a second faster. */
  async deployment(stack: string): Promise<Deployment> {
    const found = await this.findDeployment(stack);
    if (!found) throw new Error(`there is no stack ${stack} in the state of ${this.backend.by}`);
    return found;
  }

  /** The same; undefined if there is no stack of that name. */
  async findDeployment(stack: string): Promise<Deployment | undefined> {
    const file = this.localState(stack);
    if (file) {
      const { checkpoint } = JSON.parse(readFileSync(file, "utf8")) as { checkpoint: { latest?: Deployment } };
      return checkpoint.latest ?? {};
    }
    const { code, stdout, stderr } = await this.capture(["stack", "export", "--stack", stack]);
    if (code !== 0 && /no stack named/.test(stderr)) return undefined;
    if (code !== 0) throw new Error(stderr.trim());
    return (JSON.parse(stdout) as { deployment?: Deployment }).deployment ?? {};
  }

  /** Makes the stack if there is none of that name. */
  async ensureStack(stack: string): Promise<void> {
    if (this.localState(stack)) return;
    const { code, stderr } = this.isEphemeral
      ? await this.makeAside(stack)
      : await this.capture(["stack", "select", "--create", "--non-interactive", "--stack", stack]);
    if (code !== 0) throw new Error(explainStackError(stack, stderr));
  }

  /** Making a stack writes a stack file beside Pulumi.yaml, whatever file Pulumi is told to use: so elsewhere. */
  private async makeAside(stack: string): Promise<Result> {
    const folder = mkdtempSync(join(tmpdir(), "pgwright-stack-"));
    try {
      copyFileSync(join(ROOT, "Pulumi.yaml"), join(folder, "Pulumi.yaml"));
      const made = await this.capture(["stack", "init", "--no-select", "--stack", stack], undefined, {}, folder);
      return made.code !== 0 && /already exists/.test(made.stderr) ? { ...made, code: 0 } : made;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Forgets a stack, its history and its copies; what it has made is not looked at. */
  async forgetStack(stack: string): Promise<void> {
    const forget = ["stack", "rm", "--force", "--yes", "--preserve-config", "--remove-backups", "--stack", stack];
    const { code, stderr } = await this.capture(forget);
    if (code !== 0) throw new Error(stderr.trim());
  }
}

function explainStackError(stack: string, text: string): string {
  if (!/passphrase/i.test(text)) return text.trim();
  return (
    `${text.trim()}\nPulumi.${stack}.yaml holds an encryptionsalt that belongs to another passphrase. Set PULUMI_CONFIG_PASSPHRASE ` +
    `to the one it was made with, or, for a stack that nobody needs any more, take the line out.`
  );
}
