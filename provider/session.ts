import { spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { Client } from "pg";
import type { Host } from "./host";

/**
 * The wire between us and the server: `docker exec` and socat to the server's socket. Whoever may use the Docker engine
 * is the superuser of its databases anyway; so no password is needed, none can be wrong, and a port that is closed to us
 * (a remote engine, a firewall, pg_hba) does not matter.
 */
class ExecStream extends Duplex {
  private child?: ReturnType<typeof spawn>;
  private problem = "";

  constructor(private readonly host: Host) {
    // When the server ends the connection the stream closes, as a socket does: pg waits for that to give up its queries.
    super({ allowHalfOpen: false });
  }

  // The methods that pg expects of a socket.
  connect(): this {
    const command = [
      "exec",
      "--interactive",
      this.host.container,
      "socat",
      "-",
      "UNIX-CONNECT:/var/run/postgresql/.s.PGSQL.5432",
    ];
    const child = spawn("docker", command, { env: this.host.environment(), stdio: ["pipe", "pipe", "pipe"] });
    this.child = child;
    child.stdout.on("data", (chunk) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stderr.on("data", (chunk) => (this.problem += chunk));
    child.stdin.on("error", () => undefined); // the close tells
    child.on("error", (error) => this.destroy(error));
    child.on("close", (code) => {
      if (code === 0 || this.destroyed) this.push(null);
      else
        this.destroy(
          new Error(`no way into container ${this.host.container}: ${this.problem.trim() || `exit code ${code}`}`),
        );
    });
    child.on("spawn", () => this.emit("connect"));
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    this.child?.ref();
    return this;
  }
  unref(): this {
    this.child?.unref();
    return this;
  }

  override _read(): void {
    this.child?.stdout?.resume();
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (!this.child?.stdin?.writable) return done(new Error(`the way into container ${this.host.container} is closed`));
    this.child.stdin.write(chunk, done);
  }
  override _final(done: () => void): void {
    this.child?.stdin?.end();
    done();
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.child?.stdin?.end();
    this.child?.kill();
    done(error);
  }
}

/** Opens a connection to a database as the superuser. The caller ends it. */
export async function connect(host: Host, database: string): Promise<Client> {
  const client = new Client({
    stream: () => new ExecStream(host) as never,
    user: "postgres",
    database,
    application_name: "pgwright",
    connectionTimeoutMillis: 15_000,
  });
  // An idle connection that breaks (a restart, say) must not end the plugin.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

const idle = new WeakMap<Host, Map<string, Client[]>>();

/**
 * Runs `use` with a connection of its own. One that did its work well is reset and kept for the next caller: opening one
 * takes a quarter of a second, and a large stack has hundreds of changes. One that failed is closed, with its transaction.
 */
export async function withDatabase<T>(host: Host, database: string, use: (client: Client) => Promise<T>): Promise<T> {
  const pools = idle.get(host) ?? new Map<string, Client[]>();
  idle.set(host, pools);
  const pool = pools.get(database) ?? [];
  pools.set(database, pool);
  const client = pool.pop() ?? (await connect(host, database));
  try {
    const result = await use(client);
    await client.query("DISCARD ALL");
    client.once("end", () => pool.splice(0, pool.length, ...pool.filter((each) => each !== client)));
    pool.push(client);
    return result;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

/** Closes what is kept open for the next caller, which would keep a program from ending. */
export async function closeConnections(host: Host): Promise<void> {
  const clients = [...(idle.get(host)?.values() ?? [])].flat();
  idle.delete(host);
  await Promise.all(clients.map((client) => client.end()));
}

const shared = new WeakMap<Host, Map<string, Promise<Client>>>();

/**
 * Asks a database for what a refresh wants to know, over a connection that all reads share. `unknown` is the answer while
 * the server is down: then the last known state stands, and the resource Server says what is wrong.
 */
export async function ask<T>(
  host: Host,
  database: string,
  question: (client: Client) => Promise<T>,
  unknown: T,
): Promise<T> {
  if (!(await host.answers())) return unknown;
  const clients = shared.get(host) ?? new Map<string, Promise<Client>>();
  shared.set(host, clients);
  let client = clients.get(database);
  if (!client) {
    client = connect(host, database);
    clients.set(database, client);
    const forget = () => clients.delete(database);
    client.then((opened) => opened.on("end", forget), forget);
  }
  return question(await client);
}

/** True if PostgreSQL says that there is no such database. */
export function isNoDatabase(error: unknown): boolean {
  return (error as { code?: string }).code === "3D000";
}
