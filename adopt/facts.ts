import type { ForeignLedger } from "../provider/kinds/migrations/foreign-ledger";
import type { DefaultFact, PrivilegeFact } from "../provider/kinds/access/facts";
import type { RoleFact } from "../provider/kinds/role/changes";

// What is read of a running server: rows of the queries in sql/adopt and sql/catalog.

export interface ServerFact {
  /** server_version_num */
  version: number;
  user: string;
  isSuperuser: boolean;
  /** Name of the bootstrap superuser. */
  bootstrap: string;
  standby: boolean;
  /** Names of all roles except PostgreSQL's predefined ones. */
  roles: string[];
}

/** An object that a stack file cannot declare; `kind` is a key of adopt/others.ts. */
export interface OtherFact {
  kind: string;
  name: string;
}

export interface PartitionedTableFact {
  schema: string;
  name: string;
  /** Type of the column that it is partitioned by. */
  type: string;
  partitions: { name: string; bound: string }[];
}

/** The catalog row of a database. */
export interface DatabaseFact {
  name: string;
  owner: string;
  connectionLimit: number;
  allowsConnections: boolean;
  isTemplate: boolean;
  encoding: string;
  /** c: libc, i: ICU, b: PostgreSQL's own. */
  provider: string;
  collation: string;
  tablespace: string;
  /** Of ALTER DATABASE SET. */
  settings: string[];
}

/** The content of a database. */
export interface ContentFact {
  /** Tables, views and routines. */
  objects: number;
  schemas: { name: string; owner: string }[];
  extensions: { name: string; schema: string; version: string }[];
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

export interface JobFact {
  id: string;
  name: string | null;
  schedule: string;
  command: string;
  database: string;
  role: string;
  active: boolean;
}

export interface SettingFact {
  name: string;
  value: string;
  bootValue: string | null;
  /** A custom parameter: no library of that server defines it. */
  custom: boolean;
}

export interface HbaFact {
  type: string;
  databases: string[];
  users: string[];
  address: string | null;
  netmask: string | null;
  method: string;
  line?: number;
  /** Why PostgreSQL cannot parse the line; the fields of the rule are empty then. */
  error?: string | null;
}

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
