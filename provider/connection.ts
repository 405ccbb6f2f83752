import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { Client, DatabaseError } from "pg";
import { z } from "zod";
import { SERVER_SOCKET_PATH } from "../backup/paths";
import { catalogQuery, readRows } from "./catalog-query";
import type { Host } from "./host";
import { optionsOf, SESSION_OPTIONS } from "./session-options";

/**
 * The stream between this process and the server: `docker exec` and socat to the server's socket. Access to the Docker engine
 * already implies superuser access to its databases, so no password is needed. The published port is not used: a remote engine,
 * a firewall and pg_hba.conf cannot block this connection.
 */
class ExecStream extends Duplex {
  private child?: ReturnType<typeof spawn>;
  private problem = "";

  constructor(private readonly host: Host) {
    // pg fails its pending queries only when the stream closes, as a socket does when the server ends the connection.
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
      `UNIX-CONNECT:${SERVER_SOCKET_PATH}/.s.PGSQL.5432`,
    ];
    const child = spawn("docker", command, { env: this.host.environment(), stdio: ["pipe", "pipe", "pipe"] });
    this.child = child;
    child.stdout.on("data", (chunk) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stderr.on("data", (chunk) => (this.problem += chunk));
    child.stdin.on("error", () => undefined); // the close event reports it
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
    for (const handle of this.handles()) handle.ref();
    return this;
  }
  unref(): this {
    for (const handle of this.handles()) handle.unref();
    return this;
  }
  /** What keeps this process alive while the connection is open. */
  private handles(): Socket[] {
    const { child } = this;
    return child ? ([child, child.stdin, child.stdout, child.stderr] as unknown as Socket[]) : [];
  }

  override _read(): void {
    this.child?.stdout?.resume();
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (!this.child?.stdin?.writable)
      return done(new Error(`container ${this.host.container}: the connection is closed`));
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

/** No server accepts connections: the container is down, or PostgreSQL in it starts up or shuts down. */
export class Unreachable extends Error {}

/** SQLSTATEs while PostgreSQL starts up or shuts down: admin_shutdown, crash_shutdown, cannot_connect_now. */
const NOT_NOW = ["57P01", "57P02", "57P03"];

export interface ConnectionArgs {
  /** A role that may log in over the socket; the superuser if absent. */
  user?: string;
  /** Parameters of the session, which override those of the database; if absent, all that statements of pgwright depend on. */
  options?: Record<string, string>;
}

/** A connection to a database. `connect` also checks schema pgwright, and throws Unreachable while no server accepts connections. */
export class Session extends Client {
  constructor(
    private readonly server: Host,
    database: string,
    { user = "postgres", options = SESSION_OPTIONS }: ConnectionArgs = {},
  ) {
    super({
      stream: () => new ExecStream(server),
      user,
      database,
      options: optionsOf(options),
      application_name: "pgwright",
      connectionTimeoutMillis: 15_000,
    });
    // An idle connection that breaks (a restart, say) must not end the plugin.
    this.on("error", () => undefined);
  }

  override connect(): Promise<this>;
  override connect(done: (error?: Error) => void): void;
  override connect(done?: (error?: Error) => void): Promise<this> | void {
    const opened = this.open();
    if (!done) return opened;
    opened.then(() => done(), done); // the form that pg.Pool uses
  }

  private async open(): Promise<this> {
    try {
      await super.connect();
    } catch (error) {
      if (error instanceof DatabaseError && !NOT_NOW.includes(error.code ?? "")) throw error;
      throw new Unreachable(
        `container ${this.server.container}: no connection to PostgreSQL: ${(error as Error).message}`,
      );
    }
    try {
      if (this.user === "postgres") await mustOwnSchema(this);
      return this;
    } catch (error) {
      await this.end();
      throw error;
    }
  }
}

/**
 * Opens a connection to a database as the superuser, or as another role that may log in over the socket. The caller ends it.
 * Throws Unreachable while no server accepts connections, and PostgreSQL's error if the server refuses this one.
 */
export const connect = (host: Host, database: string, args?: ConnectionArgs): Promise<Client> =>
  new Session(host, database, args).connect();

export const FOREIGN_SCHEMA = catalogQuery("foreign-schema", { object: z.string(), owner: z.string() });

/**
 * Throws if schema pgwright, or an object in it, belongs to a role that is not a superuser. Sessions of the superuser run the functions
 * of this schema, and the owner of the database may have created it first.
 */
export async function mustOwnSchema(client: Client): Promise<void> {
  const [found] = await readRows(client, FOREIGN_SCHEMA);
  if (!found) return;
  const object = found.object === "" ? "schema pgwright" : `object ${found.object} in schema pgwright`;
  throw new Error(
    `database ${client.database}: ${object} belongs to ${found.owner}, which is not a superuser; rename or drop it: ` +
      "the schema is reserved for pgwright",
  );
}
