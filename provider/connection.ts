import { Client, DatabaseError } from "pg";
import { z } from "zod";
import { catalogQuery, readRows } from "./catalog-query";
import type { Host } from "./host";
import { RelayStream } from "./relay";
import { optionsOf, SESSION_OPTIONS } from "./session-options";

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
      stream: () => new RelayStream(server),
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
