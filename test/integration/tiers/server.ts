import { spawnSync } from "node:child_process";
import { escapeLiteral as literal, type Client } from "pg";
import type { StackInput } from "../../../config/stack";
import { readLibrary, readSql } from "../../../sql/read";
import { TestStack } from "../stack";
import { InProcessStack } from "../in-process-stack";

/** The configuration of a set, as tiers_create takes it. */
export type SetConfig = Record<string, unknown> & { schema: string; name: string };

/** A set of events without geometry. */
export const EVENTS: SetConfig = {
  schema: "data",
  name: "events",
  owner: "owner",
  columns: [
    { name: "id", type: "bigint" },
    { name: "at", type: "timestamptz", default: "now()" },
    { name: "place", type: "int", notNull: true, default: "0" },
    { name: "note", type: "text" },
  ],
  id: "id",
  time: "at",
  sortKey: { columns: ["place", "at"] },
};

/** Of tiers_describe, what tests look at. */
export interface Description {
  tiers: Record<string, { tables: number; oldest: string; newest: string }>;
  lastRoll: string;
  lastMaintenance: string;
  walTables: number;
  lag: number;
}

/** All SQL of the tiers, in the order in which it is run; `change` may break it, to see that a test fails then. */
export function source(change: (sql: string) => string = (sql) => sql): string {
  const { steps, code } = readLibrary("tiers");
  // As install() of provider/kinds/library/execute.ts does.
  const grant = "GRANT EXECUTE ON ALL ROUTINES IN SCHEMA pgwright TO PUBLIC;";
  return [readSql("catalog/libraries.sql"), ...steps, ...code, grant].map(change).join("\n");
}

/** A stack with the functions of the tiers in database `app`, and roles: owner, writer, stranger. */
export class TiersServer {
  private readonly clients: Client[] = [];

  private constructor(readonly stack: TestStack) {}

  static async start(options: { postgis?: boolean; server?: StackInput["server"] } = {}): Promise<TiersServer> {
    const { postgis, server } = options;
    const stack = await InProcessStack.create({
      ...(postgis ? { image: { packages: ["postgresql-17-postgis-3"] } } : {}),
      server: { memory: "1GB", connections: 40, ...server },
      passwords: { owner: "owner's password", writer: "writer's password", stranger: "stranger's password" },
      roles: { owner: { login: true }, writer: { login: true }, stranger: { login: true } },
      databases: {
        app: {
          owner: "owner",
          schemas: { data: {}, other: {}, ...(postgis ? { gis: {} } : {}) },
          extensions: postgis ? { postgis: { schema: "gis" } } : {},
          grants: { writer: { database: ["CONNECT"] }, stranger: { database: ["CONNECT"] } },
        },
      },
    });
    const started = new TiersServer(stack);
    try {
      await stack.up();
      started.install();
      started.sql("GRANT USAGE ON SCHEMA data TO writer, stranger");
      if (postgis) started.sql("GRANT USAGE ON SCHEMA gis TO writer, stranger");
    } catch (error) {
      await stack.dispose();
      throw error;
    }
    return started;
  }

  /** Runs the SQL files as the superuser, in one transaction. */
  install(change?: (sql: string) => string): void {
    const psql = ["psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "app", "-f", "-"];
    const { status, stderr } = spawnSync("docker", ["exec", "-i", this.stack.container, ...psql], {
      input: source(change),
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr);
  }

  /** As the superuser. */
  sql(text: string): string {
    return this.stack.sql("app", text);
  }

  create(config: SetConfig): void {
    this.sql(`SELECT pgwright.tiers_create(${literal(JSON.stringify(config))})`);
  }

  describe(schema = "data", name = "events"): Record<string, unknown> & { problems: string[] } {
    return JSON.parse(this.sql(`SELECT pgwright.tiers_describe('${schema}', '${name}')`));
  }

  drop(schema = "data", name = "events", keep = false): void {
    this.sql(`SELECT pgwright.tiers_drop('${schema}', '${name}', ${keep})`);
  }

  async connect(role: "owner" | "writer" | "stranger"): Promise<Client> {
    const client = await this.stack.connect(role, `${role}'s password`, "app");
    this.clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.clients) await client.end().catch(() => undefined);
    await this.stack.dispose();
  }
}
