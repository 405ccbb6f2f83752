import { z } from "zod";
import { adoptQuery, type RowOf } from "../provider/catalog-query";
import type { ForeignLedger } from "../provider/kinds/migrations/files/foreign-ledger";
import type { DefaultFact, PrivilegeFact } from "../provider/kinds/access/catalog";
import type { RoleFact } from "../provider/kinds/role/catalog";

// What is read of a running server: rows of the queries in sql/adopt and sql/catalog.

export type ServerFact = RowOf<typeof SERVER>;
export const SERVER = adoptQuery("server", {
  /** server_version_num */
  version: z.number(),
  user: z.string(),
  isSuperuser: z.boolean(),
  /** Name of the bootstrap superuser. */
  bootstrap: z.string(),
  standby: z.boolean(),
  /** Names of all roles except PostgreSQL's predefined ones. */
  roles: z.array(z.string()),
});

/** An object that a stack file cannot declare; `kind` is a key of adopt/others.ts. */
export type OtherFact = RowOf<typeof SERVER_OTHERS>;
const OTHERS = { kind: z.string(), name: z.string() };
export const SERVER_OTHERS = adoptQuery("server-others", OTHERS);
export const DATABASE_OTHERS = adoptQuery("database-others", OTHERS);

export type PartitionedTableFact = RowOf<typeof PARTITIONED>;
export const PARTITIONED = adoptQuery("partitions", {
  schema: z.string(),
  name: z.string(),
  /** Type of the column that it is partitioned by. */
  type: z.string(),
  partitions: z.array(z.strictObject({ name: z.string(), bound: z.string() })),
});

/** The catalog row of a database. */
export type DatabaseFact = RowOf<typeof DATABASES>;
export const DATABASES = adoptQuery("databases", {
  name: z.string(),
  owner: z.string(),
  connectionLimit: z.number(),
  allowsConnections: z.boolean(),
  isTemplate: z.boolean(),
  encoding: z.string(),
  /** c: libc, i: ICU, b: PostgreSQL's own. */
  provider: z.string(),
  collation: z.string(),
  tablespace: z.string(),
  /** Of ALTER DATABASE SET. */
  settings: z.array(z.string()),
});

export const CONTENTS = adoptQuery("contents", { objects: z.number() });
export const SCHEMAS = adoptQuery("schemas", { name: z.string(), owner: z.string() });
export const EXTENSIONS = adoptQuery("extensions", { name: z.string(), schema: z.string(), version: z.string() });

/** The content of a database. */
export interface ContentFact {
  /** Tables, views and routines. */
  objects: number;
  schemas: RowOf<typeof SCHEMAS>[];
  extensions: RowOf<typeof EXTENSIONS>[];
  privileges: PrivilegeFact[];
  /** Including PostgreSQL's built-in default privileges, for all roles. */
  defaults: DefaultFact[];
  others: OtherFact[];
  partitioned: PartitionedTableFact[];
  ledgers: LedgerFact[];
}

/** A table in which another tool records the migrations that it has applied. */
export interface LedgerFact extends ForeignLedger {
  /** Only for dbmate, whose versions are those of the files. */
  versions?: string[];
}

export type JobFact = RowOf<typeof JOBS>;
export const JOBS = adoptQuery("jobs", {
  id: z.string(),
  name: z.string().nullable(),
  schedule: z.string(),
  command: z.string(),
  database: z.string(),
  role: z.string(),
  active: z.boolean(),
});

export type SettingFact = RowOf<typeof SETTINGS>;
export const SETTINGS = adoptQuery("settings", {
  name: z.string(),
  value: z.string(),
  bootValue: z.string().nullable(),
  /** A custom parameter: no library of that server defines it. */
  custom: z.boolean(),
});

export type HbaFact = RowOf<typeof HBA>;
export const HBA = adoptQuery("hba", {
  type: z.string(),
  databases: z.array(z.string()),
  users: z.array(z.string()),
  address: z.string().nullable(),
  netmask: z.string().nullable(),
  method: z.string(),
  line: z.number(),
  /** Why PostgreSQL cannot parse the line; the fields of the rule are empty then. */
  error: z.string().nullable(),
});

export interface ContainerFact {
  name: string;
  image: string;
  /** MiB; 0: no limit. */
  memory: number;
  /** 0: no limit. */
  cpus: number;
  /** Published port and address on the host. */
  port?: number;
  address?: string;
  /** ID of /etc/os-release: debian, alpine, ... */
  system: string;
  /** Published ports of all containers of the engine. */
  takenPorts: number[];
}

export interface Facts {
  /** The argument --from, for messages. */
  from: string;
  server: ServerFact;
  /** Absent for a server that is read by its URL. */
  container?: ContainerFact;
  roles: RoleFact[];
  /** The bootstrap superuser, as a role. */
  bootstrap?: RoleFact;
  databases: DatabaseFact[];
  /** Content of the databases that allow connections, by name. */
  contents: Record<string, ContentFact>;
  settings: SettingFact[];
  hba: HbaFact[];
  others: OtherFact[];
  /** The database that holds pg_cron, if one does. */
  cronDatabase?: string;
  jobs: JobFact[];
}
