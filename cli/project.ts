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
import { basename, dirname, join } from "node:path";
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

/** The folder for state, passphrase and logs of this checkout; never committed. */
export const LOCAL = process.env.PGWRIGHT_LOCAL ?? join(ROOT, ".pgwright");

/** The stack file of an ephemeral stack: derived from another one, and never committed. */
export const ephemeralFile = (stack: string): string => join(LOCAL, "ephemeral", `Pulumi.${stack}.yaml`);

/** The backend in which Pulumi keeps the state. */
export interface Backend {
  /** The setting that selects it, for messages. */
  by: string;
  /** Folder of a state on this machine; undefined for a remote backend. */
  folder?: string;
  /** True for the default backend, a folder of this checkout. */
  own: boolean;
}

function loggedIn(credentials: string): boolean {
  try {
    return Boolean(JSON.parse(readFileSync(join(credentials, "credentials.json"), "utf8")).current);
  } catch {
    return false;
  }
}

/** Selects the backend; one that the user has configured or logged in to has precedence. */
export function findBackend(env: NodeJS.ProcessEnv, credentials: string): Backend {
  const at = (by: string, url = ""): Backend => ({
    by,
    own: false,
    folder: url.startsWith("file://") ? url.slice(7).replace(/\?.*$/, "") : undefined,
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

/** The folder with the locks of a stack in a local state. */
export const locksFolder = (folder: string, stack: string): string =>
  join(folder, ".pulumi", "locks", "organization", "pgwright", stack);

/** The backend of a command that does not open the project. */
const currentBackend = () => findBackend(process.env, credentialsFolder(process.env));

/** Removes what `pulumi stack rm` leaves in a local backend: empty folders, and partial files of killed runs. */
export function removeTraces(stack: string): void {
  const { folder } = currentBackend();
  if (folder === undefined) return;
  removePartialFiles(folder, stack);
  for (const kind of ["backups/pgwright", "history/pgwright", "locks/organization/pgwright"])
    rmSync(join(folder, ".pulumi", kind, stack), { recursive: true, force: true });
}

/**
 * Removes partial files of killed runs. Pulumi writes a state to a temporary file beside it, and renames that file; but it writes
 * the attributes of a file in place, and cannot read the file while they are cut off. They hold nothing that it needs.
 */
export function removePartialFiles(folder: string, stack: string): void {
  const list = (parent: string) => (existsSync(parent) ? readdirSync(parent).map((name) => join(parent, name)) : []);
  const states = list(dirname(stateFile(folder, stack))).filter((file) => basename(file).startsWith(`${stack}.json.`));
  for (const file of [...states, ...list(locksFolder(folder, stack))])
    if (file.endsWith(".tmp") || (file.endsWith(".attrs") && !isJson(file))) rmSync(file, { force: true });
}

function isJson(file: string): boolean {
  try {
    JSON.parse(readFileSync(file, "utf8"));
    return true;
  } catch {
    return false;
  }
}

/** Whether a state of a stack can exist. Does not run Pulumi: a machine that only sweeps expired stacks need not have it. */
export function mayHaveState(stack: string): boolean {
  const { own, folder } = currentBackend();
  return !own || folder === undefined || existsSync(stateFile(folder, stack));
}

/** The file with the passphrase of the local state; generated once, by the first of concurrent runs. */
function passphraseFile(): string {
  const file = join(LOCAL, "passphrase");
  if (existsSync(file)) return file;
  mkdirSync(LOCAL, { recursive: true, mode: 0o700 });
  const own = `${file}-${process.pid}`;
  writeFileSync(own, randomBytes(32).toString("base64url"), { mode: 0o600 });
  try {
    linkSync(own, file); // atomic, and never replaces the file of another run
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(own);
  }
  return file;
}

/** The result of a run of Pulumi. */
export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

/** The parts of a state that the commands read. */
export interface Deployment {
  resources?: { type: string; outputs?: Record<string, unknown> }[];
  pending_operations?: PendingOperation[];
}

/** An operation of a run that was killed before its end. */
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

  /** Opens the project for one stack. `data`: the checkout that supplies stack file and SQL; this one if absent. */
  static async open(
    stack: string,
    isEphemeral = existsSync(ephemeralFile(stack)),
    data: string | undefined = undefined,
  ): Promise<Project> {
    const pulumi = await ensurePulumi({ log });
    // Sessions of @pulumi/postgresql read their options from the environment.
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

  /** Gives Pulumi a copy of the proposed stack file, and the program the folder that its paths refer to. */
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

  /** Runs Pulumi on the terminal; returns its exit code. `stdout`: the destination of its output. */
  async run(args: string[], more: NodeJS.ProcessEnv = {}, stdout: Stdout = "inherit"): Promise<number> {
    return this.withStackFile((env) =>
      withTerminal(this.pulumi.command, args, { cwd: ROOT, env: { ...env, ...more }, stdout }),
    );
  }

  /** Runs Pulumi and reads its engine events. `quiet`: captures the output; otherwise the output goes to `stdout`. */
  async observe(
    args: string[],
    { quiet = false, stdout = "inherit" }: { quiet?: boolean; stdout?: Stdout } = {},
  ): Promise<Result & { events: Events }> {
    const folder = mkdtempSync(join(tmpdir(), "pgwright-events-"));
    try {
      const file = join(folder, "events.json");
      const more = { PULUMI_DEBUG_COMMANDS: "true" }; // enables --event-log
      const logged = [...args, "--event-log", file];
      const result = quiet
        ? await this.capture(logged, undefined, more)
        : { code: await this.run(logged, more, stdout), stdout: "", stderr: "" };
      return { ...result, events: readEvents(existsSync(file) ? readFileSync(file, "utf8") : "") };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Runs Pulumi and captures its output. */
  async capture(args: string[], input?: string, more: NodeJS.ProcessEnv = {}, cwd = ROOT): Promise<Result> {
    return this.withStackFile(async (own) => {
      const env = { ...own, ...more };
      const child = spawn(this.pulumi.command, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (chunk) => (stdout += chunk));
      child.stderr.on("data", (chunk) => (stderr += chunk));
      child.stdin.on("error", () => undefined); // Pulumi may end without reading its input
      child.stdin.end(input);
      const code = await new Promise<number>((resolve, reject) => {
        child.on("error", reject);
        child.on("close", (status) => resolve(status ?? 1));
      });
      return { code, stdout, stderr };
    });
  }

  /** The state file of a stack; undefined if the backend is remote or has no such stack. */
  private localState(stack: string): string | undefined {
    const { folder } = this.backend;
    const file = folder && stateFile(folder, stack);
    return file && existsSync(file) ? file : undefined;
  }

  /** The state of a stack, secrets encrypted. Throws if the stack does not exist. */
  async deployment(stack: string): Promise<Deployment> {
    const found = await this.findDeployment(stack);
    if (!found)
      throw new Error(
        `stack ${stack}: does not exist in the state (backend: ${this.backend.by}); npm run up creates it`,
      );
    return found;
  }

  /** The state of a stack; undefined if the stack does not exist. A local state is read from its file, which is half a second faster. */
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

  /** Creates the stack if it does not exist. */
  async ensureStack(stack: string): Promise<void> {
    if (this.localState(stack)) return;
    const { code, stderr } = this.isEphemeral
      ? await this.initElsewhere(stack)
      : await this.capture(["stack", "select", "--create", "--non-interactive", "--stack", stack]);
    if (code !== 0) throw new Error(explainStackError(stack, stderr));
  }

  /** `stack init` writes a stack file beside Pulumi.yaml, even if another one is configured: it runs in a temporary folder. */
  private async initElsewhere(stack: string): Promise<Result> {
    const folder = mkdtempSync(join(tmpdir(), "pgwright-stack-"));
    try {
      copyFileSync(join(ROOT, "Pulumi.yaml"), join(folder, "Pulumi.yaml"));
      const made = await this.capture(["stack", "init", "--no-select", "--stack", stack], undefined, {}, folder);
      return made.code !== 0 && /already exists/.test(made.stderr) ? { ...made, code: 0 } : made;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Removes the state of a stack, its history and its backups; the resources stay. */
  async forgetStack(stack: string): Promise<void> {
    const forget = ["stack", "rm", "--force", "--yes", "--preserve-config", "--remove-backups", "--stack", stack];
    const { code, stderr } = await this.capture(forget);
    if (code !== 0) throw new Error(stderr.trim());
  }
}

function explainStackError(stack: string, text: string): string {
  if (!/passphrase/i.test(text)) return text.trim();
  return (
    `${text.trim()}\nPulumi.${stack}.yaml: its encryptionsalt belongs to another passphrase; set PULUMI_CONFIG_PASSPHRASE to that ` +
    `passphrase, or remove the line if the stack is no longer needed`
  );
}
