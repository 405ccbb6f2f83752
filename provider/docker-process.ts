import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** `docker ARGS`, with which this process exchanges data for as long as it needs. */
export class DockerProcess {
  private readonly child: ChildProcessWithoutNullStreams;
  private problem = "";

  /** `ended`: called once, with the error that the program has printed; undefined if it ended by itself without one. */
  constructor(args: string[], environment: NodeJS.ProcessEnv, ended: (error?: Error) => void) {
    const child = spawn("docker", args, { env: environment, stdio: ["pipe", "pipe", "pipe"] });
    this.child = child;
    child.stderr.on("data", (chunk: Buffer) => (this.problem += chunk.toString()));
    child.stdin.on("error", () => undefined); // the close event reports it
    child.on("error", (error) => {
      child.removeAllListeners("close"); // which follows, if the program could not be started
      ended(error);
    });
    child.on("close", (code) =>
      ended(code === 0 ? undefined : new Error(this.problem.trim() || `docker ${args[0]} exited with ${code}`)),
    );
  }

  get stdout() {
    return this.child.stdout;
  }

  /** Sends data; an error is reported by `ended`. */
  write(data: Buffer, done: () => void): void {
    this.child.stdin.write(data, () => done());
  }

  end(): void {
    this.child.stdin.end();
  }

  kill(): void {
    this.child.kill();
  }

  ref(): void {
    for (const handle of this.handles()) handle.ref();
  }

  /** From here on, it does not keep this process alive. */
  unref(): void {
    for (const handle of this.handles()) handle.unref();
  }

  private handles(): Socket[] {
    const { child } = this;
    return [child, child.stdin, child.stdout, child.stderr] as unknown as Socket[];
  }
}

/** A stream with the methods of a socket that pg and the agents of node:http call. */
export abstract class SocketStream extends Duplex {
  constructor() {
    // As a socket, it closes when the other side ends it; pg fails its pending queries only then.
    super({ allowHalfOpen: false });
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  abstract ref(): this;
  abstract unref(): this;
}
