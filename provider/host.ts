import { spawn } from "node:child_process";
import * as tar from "tar-stream";
import { EngineUnreachable, readEngine } from "./engine-api";

/** Longest part of a program's output in an error, characters. */
const PRINTED = 2000;

/** A program exited with an error code. */
export class CommandError extends Error {
  constructor(
    readonly command: string,
    readonly code: number | null,
    readonly output: string,
    /** Its standard output, to which some programs write their errors. */
    readonly printed = "",
  ) {
    super(`${command} exited with ${code}: ${output.trim() || printed.trim().slice(-PRINTED)}`);
  }
}

/** Group (and user) id of postgres in the image. */
export const POSTGRES = 999;

/** A file or folder to copy into a container. */
export interface Entry {
  name: string;
  /** A folder if absent. */
  content?: string;
  mode: number;
  uid: number;
  gid: number;
}

/** The disk of the engine is full, and what to do; a reason may follow after a colon. */
export const DISK_FULL =
  "the disk of the Docker engine is full; free space (`docker system df` shows its use, `docker image prune` and " +
  "`docker builder prune` remove unused data), then run the command again; committed data is not lost";

export function isDiskFull(text: string): boolean {
  return /no space left on device/i.test(text);
}

/** What the engine's API says of a container, as far as it is read here. */
interface InspectedContainer {
  Id: string;
  Image: string;
  RestartCount: number;
  State: { Running: boolean; Restarting: boolean; Status: string; ExitCode: number };
  Mounts: { Name?: string; Destination: string }[];
}

/** The state of a container. */
export interface ContainerState {
  id: string;
  running: boolean;
  /** "running", "exited", "restarting", "created", ... */
  status: string;
  exitCode: number;
  /** How often the engine has restarted it after it exited by itself. */
  restarts: number;
  /** Image id, sha256:... */
  image: string;
  /** Folder on which each volume is mounted. */
  mounts: Record<string, string>;
}

/**
 * The Docker host and the one container on it that runs PostgreSQL. Everything goes through the `docker` program, so
 * that contexts and remote engines (ssh://, tcp://) work as they do for the user. What every preview reads goes through the engine's
 * API, in a connection that the program opens once: a process for each question takes longer than the answer.
 */
export class Host {
  constructor(
    readonly container: string,
    /** Value of DOCKER_HOST; undefined: the user's default engine. */
    readonly engine?: string,
  ) {}

  /** Runs `docker ARGS` and returns what it printed. Secrets go to `input`, never into the arguments. */
  async docker(args: string[], input?: string | Buffer): Promise<Buffer> {
    const child = spawn("docker", args, { env: this.environment(), stdio: ["pipe", "pipe", "pipe"] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin.on("error", () => undefined); // the exit code reports it
    child.stdin.end(input);
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on("error", (error) => reject(this.whyUnreachable(error)));
      child.on("close", resolve);
    });
    if (code === 0) return Buffer.concat(out);
    const problem = Buffer.concat(err).toString();
    if (/cannot connect to the docker daemon|error during connect/i.test(problem))
      throw this.whyUnreachable(new EngineUnreachable(problem));
    if (isDiskFull(problem)) throw new Error(`${DISK_FULL}: ${problem.trim()}`);
    throw new CommandError(`docker ${args.slice(0, 3).join(" ")}`, code, problem, Buffer.concat(out).toString());
  }

  /** An object of the engine: GET `path` of its API. Undefined if it does not exist. */
  async read<T>(path: string): Promise<T | undefined> {
    const found = await this.readBytes(path);
    return found && (JSON.parse(found.toString()) as T);
  }

  private async readBytes(path: string): Promise<Buffer | undefined> {
    try {
      return await readEngine(this.environment(), path);
    } catch (error) {
      throw this.whyUnreachable(error as Error);
    }
  }

  /** The error with what to do, if it says that the engine, or the docker program, cannot be reached. */
  private whyUnreachable(error: NodeJS.ErrnoException): Error {
    if (error.code === "ENOENT") return new Error("docker: the program is not installed; install the Docker CLI");
    if (!(error instanceof EngineUnreachable)) return error;
    const engine = this.engine ?? process.env.DOCKER_HOST ?? "of this machine";
    return new Error(
      `the Docker engine ${engine} does not answer; start it, or set pgwright:engine to another engine: ${error.message.trim()}`,
    );
  }

  /** Runs `docker ARGS` during `use`: `use` begins after the first output of the program, whose input is closed at the end. */
  async runDuring<T>(args: string[], use: () => Promise<T>): Promise<T> {
    const child = spawn("docker", args, { env: this.environment(), stdio: ["pipe", "pipe", "pipe"] });
    const problem: Buffer[] = [];
    child.stderr.on("data", (chunk: Buffer) => problem.push(chunk));
    child.stdin.on("error", () => undefined); // the exit code reports it
    const ended = new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    const started = new Promise<boolean>((resolve) => child.stdout.on("data", () => resolve(true)));
    try {
      if (await Promise.race([started, ended.then(() => false)])) return await use();
      throw new CommandError(`docker ${args.slice(0, 3).join(" ")}`, child.exitCode, Buffer.concat(problem).toString());
    } finally {
      child.stdin.end();
      await ended;
    }
  }

  environment(): NodeJS.ProcessEnv {
    return this.engine ? { ...process.env, DOCKER_HOST: this.engine } : process.env;
  }

  /** The state of a container; undefined if no container has that name. */
  async inspect(name = this.container): Promise<ContainerState | undefined> {
    const container = await this.read<InspectedContainer>(`/containers/${encodeURIComponent(name)}/json`);
    if (!container) return undefined;
    const { State: state } = container;
    return {
      id: container.Id,
      running: state.Running && !state.Restarting,
      status: state.Status,
      exitCode: state.ExitCode,
      restarts: container.RestartCount,
      image: container.Image,
      mounts: Object.fromEntries(
        container.Mounts.flatMap(({ Name, Destination }) => (Name === undefined ? [] : [[Name, Destination]])),
      ),
    };
  }

  /** The last lines of the server's output. */
  async logs(lines = 20): Promise<string> {
    const child = spawn("docker", ["logs", "--tail", String(lines), this.container], { env: this.environment() });
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    child.stderr.on("data", (chunk) => (text += chunk));
    await new Promise((resolve) => child.on("close", resolve));
    return text.trim();
  }

  async imageExists(name: string): Promise<boolean> {
    return (await this.read(`/images/${encodeURI(name)}/json`)) !== undefined;
  }

  async volumeExists(volume: string): Promise<boolean> {
    return (await this.read(`/volumes/${encodeURIComponent(volume)}`)) !== undefined;
  }

  /** Reads the regular files of a volume, by name: from the server's container if that has it mounted. Undefined if there is no volume. */
  async readVolume(volume: string, image: string): Promise<Record<string, string> | undefined> {
    const mounted = (await this.inspect())?.mounts[volume];
    if (mounted !== undefined) return this.readFolder(this.container, mounted);
    if (!(await this.volumeExists(volume))) return undefined;
    return this.withVolume(volume, image, (container) => this.readFolder(container, "/volume"));
  }

  /** Reads the regular files of a folder of a container, running or not, by name. */
  private async readFolder(container: string, folder: string): Promise<Record<string, string>> {
    const files: Record<string, string> = {};
    const extract = tar.extract();
    const path = encodeURIComponent(`${folder}/.`);
    const archive = await this.readBytes(`/containers/${encodeURIComponent(container)}/archive?path=${path}`);
    if (!archive) throw new Error(`container ${container}: folder ${folder} does not exist`);
    extract.end(archive);
    for await (const entry of extract) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      if (entry.header.type === "file")
        files[entry.header.name.replace(/^\.\//, "")] = Buffer.concat(chunks).toString();
    }
    return files;
  }

  /**
   * Writes files into a volume, owned by root: the server can read them, but not change them. `secret`: only root and group postgres
   * can read them.
   */
  async writeVolume(volume: string, image: string, files: Record<string, string>, secret = false): Promise<void> {
    const access = secret ? { mode: 0o640, uid: 0, gid: POSTGRES } : { mode: 0o644, uid: 0, gid: 0 };
    const entries = Object.entries(files).map(([name, content]) => ({ name, content, ...access }));
    await this.withVolume(volume, image, (container) => this.copyInto(container, "/volume", entries));
  }

  /** Copies files and folders into a container, running or not. */
  async copyInto(container: string, path: string, entries: Entry[]): Promise<void> {
    const pack = tar.pack();
    for (const { content, ...header } of entries) {
      if (content === undefined) pack.entry({ ...header, type: "directory" });
      else pack.entry(header, content);
    }
    pack.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of pack) chunks.push(chunk as Buffer);
    await this.docker(["cp", "-", `${container}:${path}`], Buffer.concat(chunks));
  }

  /** Mounts the volume into a container that is never started: `docker cp` works without a running container. */
  private async withVolume<T>(volume: string, image: string, use: (container: string) => Promise<T>): Promise<T> {
    const create = ["create", "--network", "none", "--label", "pgwright.helper=files", "--volume", `${volume}:/volume`];
    const container = (await this.docker([...create, image, "true"])).toString().trim();
    try {
      return await use(container);
    } finally {
      await this.docker(["rm", "--force", container]);
    }
  }
}
