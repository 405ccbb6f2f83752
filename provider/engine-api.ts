import { Agent, request, type ClientRequestArgs } from "node:http";
import type { Duplex } from "node:stream";
import { DockerProcess, SocketStream } from "./docker-process";

/** Connections to one engine at a time: each is a process, and over ssh a login. */
const CONNECTIONS = 2;

/**
 * A connection to the API of a Docker engine by `docker system dial-stdio`, as the docker program itself has it over ssh: contexts,
 * certificates and remote engines (ssh://, tcp://) work as they do for the user.
 */
class EngineConnection extends SocketStream {
  private readonly docker: DockerProcess;

  constructor(environment: NodeJS.ProcessEnv) {
    super();
    this.docker = new DockerProcess(["system", "dial-stdio"], environment, (error) => {
      if (!error || this.destroyed) this.push(null);
      else this.destroy(error);
    });
    this.docker.stdout.on("data", (chunk) => {
      if (!this.push(chunk)) this.docker.stdout.pause();
    });
  }

  override ref(): this {
    this.docker.ref();
    return this;
  }
  /** Of a connection that no request uses: it does not keep this process alive. */
  override unref(): this {
    this.docker.unref();
    return this;
  }
  override _read(): void {
    this.docker.stdout.resume();
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.docker.write(chunk, done);
  }
  override _final(done: () => void): void {
    this.docker.end();
    done();
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.docker.kill();
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
