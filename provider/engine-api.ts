import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { Agent, request, type ClientRequestArgs } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** Connections to one engine at a time: each is a process, and over ssh a login. */
const CONNECTIONS = 2;

/**
 * A connection to the API of a Docker engine by `docker system dial-stdio`, as the docker program itself has it over ssh: contexts,
 * certificates and remote engines (ssh://, tcp://) work as they do for the user.
 */
class EngineConnection extends Duplex {
  private readonly child: ChildProcessWithoutNullStreams;
  private problem = "";

  constructor(environment: NodeJS.ProcessEnv) {
    super({ allowHalfOpen: false });
    const child = spawn("docker", ["system", "dial-stdio"], { env: environment, stdio: ["pipe", "pipe", "pipe"] });
    this.child = child;
    child.stdout.on("data", (chunk) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stderr.on("data", (chunk: Buffer) => (this.problem += chunk.toString()));
    child.stdin.on("error", () => undefined); // the close event reports it
    child.on("error", (error) => this.destroy(error));
    child.on("close", (code) => {
      if (code === 0 || this.destroyed) this.push(null);
      else this.destroy(new Error(this.problem.trim() || `docker system dial-stdio exited with ${code}`));
    });
  }

  // The methods that an agent of node:http expects of a socket.
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    for (const handle of this.handles()) handle.ref();
    return this;
  }
  /** Of a connection that no request uses: it does not keep this process alive. */
  unref(): this {
    for (const handle of this.handles()) handle.unref();
    return this;
  }
  private handles(): Socket[] {
    const { child } = this;
    return [child, child.stdin, child.stdout, child.stderr] as unknown as Socket[];
  }

  override _read(): void {
    this.child.stdout.resume();
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.child.stdin.write(chunk, () => done()); // the close event reports errors
  }
  override _final(done: () => void): void {
    this.child.stdin.end();
    done();
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.child.kill();
    done(error);
  }
}

class EngineAgent extends Agent {
  constructor(private readonly environment: NodeJS.ProcessEnv) {
    super({ keepAlive: true, maxSockets: CONNECTIONS });
  }
  override createConnection(_: ClientRequestArgs, done?: (error: Error | null, stream: Duplex) => void): Duplex {
    const connection = new EngineConnection(this.environment);
    done?.(null, connection);
    return connection;
  }
}

const agents = new Map<string | undefined, EngineAgent>();

function agentOf(environment: NodeJS.ProcessEnv): EngineAgent {
  const found = agents.get(environment.DOCKER_HOST) ?? new EngineAgent(environment);
  agents.set(environment.DOCKER_HOST, found);
  return found;
}

/** No connection to the engine. */
export class EngineUnreachable extends Error {}

/**
 * Requests GET `path` of the engine's API. Undefined if the object does not exist (404). Throws EngineUnreachable without a connection,
 * and the engine's message for any other answer.
 */
export async function readEngine(environment: NodeJS.ProcessEnv, path: string): Promise<Buffer | undefined> {
  const { status, body } = await get(environment, path);
  if (status === 404) return undefined;
  if (status === 200) return body;
  const text = body.toString();
  const message = /^\{/.test(text) ? ((JSON.parse(text) as { message?: string }).message ?? text) : text;
  throw new Error(`Docker engine: GET ${path} answered ${status}: ${message.trim()}`);
}

function get(environment: NodeJS.ProcessEnv, path: string): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent: agentOf(environment), host: "docker", path }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
      response.on("error", reject);
    });
    sent.on("error", (error: NodeJS.ErrnoException) => {
      // The engine may have closed a connection that was idle.
      if (sent.reusedSocket) resolve(get(environment, path));
      else reject(error.code === "ENOENT" ? error : new EngineUnreachable(error.message));
    });
    sent.end();
  });
}
