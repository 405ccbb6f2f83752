import { spawn } from "node:child_process";
import * as tar from "tar-stream";

/** So much of what a program printed is shown, characters. */
const PRINTED = 2000;

/** What a program said, when it did not end well. */
export class CommandError extends Error {
  constructor(
    readonly command: string,
    readonly code: number | null,
    readonly output: string,
    /** What it wrote to its standard output; some programs tell their errors there. */
    readonly printed = "",
  ) {
    super(`${command} ended with ${code}: ${output.trim() || printed.trim().slice(-PRINTED)}`);
  }
}

/** Group (and user) id of postgres in the image. */
export const POSTGRES = 999;

/** A file or folder on its way into a container. */
export interface Entry {
  name: string;
  /** A folder if absent. */
  content?: string;
  mode: number;
  uid: number;
  gid: number;
}

/** What to do when the engine or the server in its container has no room left. */
export const DISK_FULL =
  "the disk of the Docker engine is full: make room (`docker system df` shows what takes it, `docker image prune` and " +
  "`docker builder prune` give some back), then run the same again; what was committed is not lost.";

export function isDiskFull(text: string): boolean {
  return /no space left on device/i.test(text);
}

/** How the container stands: absent, or its state and what it was made from. */
export interface ContainerState {
  id: string;
  running: boolean;
  /** "running", "exited", "restarting", "created", ... */
  status: string;
  exitCode: number;
  /** How often the engine has started it again after it had ended by itself. */
  restarts: number;
  /** Image id, sha256:... */
  image: string;
}

/**
 * The Docker host and the one container on it that runs PostgreSQL. Everything goes through the `docker` program, so
 * that contexts and remote engines (ssh://, tcp://) work as they do for the user.
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
    child.stdin.on("error", () => undefined); // the exit code tells
    child.stdin.end(input);
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on("error", (error: NodeJS.ErrnoException) =>
        reject(
          error.code === "ENOENT"
            ? new Error("the program docker is not installed: install Docker's command line")
            : error,
        ),
      );
      child.on("close", resolve);
    });
    if (code === 0) return Buffer.concat(out);
    const problem = Buffer.concat(err).toString();
    if (/cannot connect to the docker daemon|error during connect/i.test(problem)) {
      const engine = this.engine ?? process.env.DOCKER_HOST ?? "of this machine";
      throw new Error(
        `the Docker engine ${engine} does not answer: start it, or name another one in pgwright:engine. ${problem.trim()}`,
      );
    }
    if (isDiskFull(problem)) throw new Error(`${DISK_FULL} ${problem.trim()}`);
    throw new CommandError(`docker ${args.slice(0, 3).join(" ")}`, code, problem, Buffer.concat(out).toString());
  }

  /** Runs `docker ARGS` beside `use`: from its first line of output on, until its input is closed. */
  async beside<T>(args: string[], use: () => Promise<T>): Promise<T> {
    const child = spawn("docker", args, { env: this.environment(), stdio: ["pipe", "pipe", "pipe"] });
    const problem: Buffer[] = [];
    child.stderr.on("data", (chunk: Buffer) => problem.push(chunk));
    child.stdin.on("error", () => undefined); // the exit code tells
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

  /** The container's state, or undefined if there is none of that name. */
  async inspect(name = this.container): Promise<ContainerState | undefined> {
    try {
      const [container] = JSON.parse((await this.docker(["container", "inspect", name])).toString());
      const { State: state } = container;
      return {
        id: container.Id,
        running: state.Running && !state.Restarting,
        status: state.Status,
        exitCode: state.ExitCode,
        restarts: container.RestartCount,
        image: container.Image,
      };
    } catch (error) {
      if (error instanceof CommandError && /no such container/i.test(error.output)) return undefined;
      throw error;
    }
  }

  /** The last lines that the server printed. */
  async logs(lines = 20): Promise<string> {
    const child = spawn("docker", ["logs", "--tail", String(lines), this.container], { env: this.environment() });
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    child.stderr.on("data", (chunk) => (text += chunk));
    await new Promise((resolve) => child.on("close", resolve));
    return text.trim();
  }

  async imageExists(name: string): Promise<boolean> {
    return (await this.docker(["image", "ls", "--quiet", name])).length > 0;
  }

  async volumeExists(volume: string): Promise<boolean> {
    const found = await this.docker(["volume", "ls", "--quiet", "--filter", `name=${volume}`]);
    return found.toString().split("\n").includes(volume);
  }

  /** Reads the regular files of a volume, by name. */
  async readVolume(volume: string, image: string): Promise<Record<string, string>> {
    return this.withVolume(volume, image, async (container) => {
      const archive = await this.docker(["cp", `${container}:/volume/.`, "-"]);
      const files: Record<string, string> = {};
      const extract = tar.extract();
      extract.end(archive);
      for await (const entry of extract) {
        const chunks: Buffer[] = [];
        for await (const chunk of entry) chunks.push(chunk as Buffer);
        if (entry.header.type === "file")
          files[entry.header.name.replace(/^\.\//, "")] = Buffer.concat(chunks).toString();
      }
      return files;
    });
  }

  /**
   * Writes files into a volume, owned by root: the server reads them and cannot change them. `secret`: nobody else in its
   * containers can read them.
   */
  async writeVolume(volume: string, image: string, files: Record<string, string>, secret = false): Promise<void> {
    const access = secret ? { mode: 0o640, uid: 0, gid: POSTGRES } : { mode: 0o644, uid: 0, gid: 0 };
    const entries = Object.entries(files).map(([name, content]) => ({ name, content, ...access }));
    await this.withVolume(volume, image, (container) => this.copyInto(container, "/volume", entries));
  }

  /** Copies files and folders into a container, which need not run. */
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

  /** Files travel through a container that is made for it and never started. */
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
