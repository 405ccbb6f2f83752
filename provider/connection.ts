import { spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { Client, DatabaseError } from "pg";
import { readSql } from "../sql/read";
import type { Host } from "./host";
import { optionsOf, SESSION_OPTIONS } from "./session-options";

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
      else this.destroy(new Error(this.problem.trim() || `exit code ${code}`));
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

/** There is no server to talk to: the container is down, or PostgreSQL in it is just starting or ending. */
export class Unreachable extends Error {}

/** What PostgreSQL says while it starts or ends: admin_shutdown, crash_shutdown, cannot_connect_now. */
const NOT_NOW = ["57P01", "57P02", "57P03"];

export interface ConnectionArgs {
  /** A role that may log in over the socket; the superuser if absent. */
  user?: string;
  /** Parameters that the session begins with, whatever the database says; if absent, all that statements of pgwright depend on. */
  options?: Record<string, string>;
}

/**
 * Opens a connection to a database as the superuser, or as another role that may log in over the socket. The caller ends it.
 * Throws Unreachable while no server takes connections, and what PostgreSQL says where one refuses.
 */
export async function connect(
  host: Host,
  database: string,
  { user = "postgres", options = SESSION_OPTIONS }: ConnectionArgs = {},
): Promise<Client> {
  const client = new Client({
    stream: () => new ExecStream(host) as never,
    user,
    database,
    options: optionsOf(options),
    application_name: "pgwright",
    connectionTimeoutMillis: 15_000,
  });
  // An idle connection that breaks (a restart, say) must not end the plugin.
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (error) {
    if (error instanceof DatabaseError && !NOT_NOW.includes(error.code ?? "")) throw error;
    throw new Unreachable(`no way into container ${host.container}: ${(error as Error).message}`);
  }
  if (user === "postgres") await mustOwnSchema(client);
  return client;
}

/**
 * Sessions of the superuser take what is in schema pgwright for pgwright's own, and run it. The owner of a database may have made that
 * schema first.
 */
export async function mustOwnSchema(client: Client): Promise<void> {
  const { rows } = await client.query<{ object: string; owner: string }>(readSql("catalog/foreign-schema.sql"));
  const [found] = rows;
  if (!found) return;
  await client.end();
  const what = found.object === "" ? "it" : `its ${found.object}`;
  throw new Error(
    `database ${client.database}: schema pgwright: ${what} belongs to ${found.owner}, who is no superuser; the schema is pgwright's own: ` +
      "rename or drop what is there",
  );
}
