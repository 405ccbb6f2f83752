import { Client, escapeIdentifier as quoted, escapeLiteral as literal } from "pg";
import { z } from "zod";
import { checkRows, rowsOf, type CatalogQuery, type RowOf } from "../provider/catalog-query";
import { CommandError, type Host } from "../provider/host";
import { mustBePlain } from "../provider/plain-table";
import { PSQL } from "../provider/running";
import { SET_OLDER_OPTIONS } from "../provider/session-options";
import { readSql } from "../sql/read";

/** No view is read, since code of its owner would run. A server without the parameter is refused later, for its version. */
const NO_VIEWS = `DO $$ BEGIN
  PERFORM pg_catalog.set_config('restrict_nonsystem_relation_kind', 'view, foreign-table', false);
EXCEPTION WHEN undefined_object THEN NULL;
END $$;`;

/** Makes a session read-only, and overrides settings of the database for its sessions. */
const SESSION = `${SET_OLDER_OPTIONS} SET default_transaction_read_only = on; ${NO_VIEWS}`;

/** A query that returns the rows of `sql` as one JSON text. */
function asJson(sql: string, names: string[][]): string {
  const query = names.reduce(
    (text, list, i) => text.replaceAll(`$${i + 1}`, `ARRAY[${list.map((each) => literal(each)).join(", ")}]::text[]`),
    sql,
  );
  return `SELECT coalesce(json_agg(answer), '[]')::text AS json FROM (\n${query}\n) AS answer`;
}

/** A query that returns one column of a table as one JSON text. */
function columnAsJson({ schema, name }: { schema: string; name: string }, column: string): string {
  const query = `SELECT ${quoted(column)}::text AS value FROM ONLY ${quoted(schema)}.${quoted(name)}`;
  return `BEGIN; ${mustBePlain(schema, name)} ${asJson(query, [])}; COMMIT`;
}

/** A server that is only read. */
export abstract class Source {
  /** Its name in messages. */
  abstract readonly name: string;

  /** Runs a query that returns one JSON text. */
  protected abstract run(database: string, sql: string): Promise<unknown>;

  /** Throws if the server does not answer. */
  protected async check(database: string): Promise<void> {
    await this.run(database, asJson("SELECT 1", []));
  }

  /** Rows of a query in a database. $1, $2, ... are lists of names. */
  async read<Columns extends z.ZodRawShape>(
    database: string,
    query: CatalogQuery<Columns>,
    ...names: string[][]
  ): Promise<RowOf<CatalogQuery<Columns>>[]> {
    return checkRows(query, await this.run(database, asJson(readSql(query.file), names)));
  }

  /** Values of a column of a table that another role owns. */
  async column(database: string, table: { schema: string; name: string }, column: string): Promise<string[]> {
    const rows = await this.run(database, columnAsJson(table, column));
    return z
      .array(z.object({ value: z.string() }))
      .parse(rows)
      .map(({ value }) => value);
  }
}

/**
 * A server in a container of the engine, queried by its own psql over its socket. This needs no password, and only programs that
 * every image of PostgreSQL has.
 */
export class ContainerSource extends Source {
  readonly name: string;
  /** Flags for the operating system user: the container's default, or postgres. */
  private user: string[] = [];

  private constructor(private readonly host: Host) {
    super();
    this.name = `container ${host.container}`;
  }

  /** Throws if no server answers in the container. */
  static async open(host: Host): Promise<ContainerSource> {
    const source = new ContainerSource(host);
    const state = await host.inspect();
    if (!state)
      throw new Error(`container ${host.container}: not found on the Docker engine; docker ps lists the containers`);
    if (!state.running) throw new Error(`container ${host.container}: not running (${state.status}); start it first`);
    const problems: string[] = [];
    for (const user of [[], ["--user", "postgres"]]) {
      source.user = user;
      try {
        await source.check("postgres");
        return source;
      } catch (error) {
        problems.push(error instanceof CommandError ? error.output.trim() : (error as Error).message);
      }
    }
    throw new Error(
      `container ${host.container}: no PostgreSQL server answers: ${[...new Set(problems)].join("; ")}\n` +
        "name the container of the server, or its address: --from postgresql://USER@HOST:PORT/DATABASE",
    );
  }

  protected async run(database: string, sql: string): Promise<unknown> {
    const connection = `dbname='${database.replace(/[\\']/g, "\\$&")}'`;
    const command = [
      "exec",
      "--interactive",
      ...this.user,
      this.host.container,
      "sh",
      "-c",
      PSQL,
      "psql",
      "-d",
      connection,
    ];
    const printed = await this.host.docker(command, `${SESSION}\n${sql};\n`);
    return JSON.parse(printed.toString());
  }
}

/** A server that is reached over the network. */
export class UrlSource extends Source {
  readonly name: string;

  private constructor(private readonly url: URL) {
    super();
    this.name = `${url.hostname || "localhost"}:${url.port || 5432}`;
  }

  static async open(text: string): Promise<UrlSource> {
    let url: URL;
    try {
      url = new URL(text);
    } catch {
      throw new Error("--from: not a valid address; write postgresql://USER@HOST:PORT/DATABASE");
    }
    const source = new UrlSource(url);
    await source.check(decodeURIComponent(url.pathname.slice(1)) || "postgres");
    return source;
  }

  protected async run(database: string, sql: string): Promise<unknown> {
    const url = new URL(this.url);
    url.pathname = encodeURIComponent(database);
    const client = new Client({
      connectionString: url.href,
      application_name: "pgwright",
      connectionTimeoutMillis: 15_000,
    });
    client.on("error", () => undefined);
    try {
      await client.connect();
    } catch (error) {
      throw new Error(
        `database ${database} of ${this.name}: connection failed: ${(error as Error).message || (error as { code?: string }).code}; ` +
          "check user, host and port in the address, and the password in PGPASSWORD",
      );
    }
    try {
      await client.query(SESSION);
      const [answer] = await rowsOf(client, { json: z.string() }, sql);
      return JSON.parse(answer?.json ?? "[]");
    } finally {
      await client.end();
    }
  }
}
