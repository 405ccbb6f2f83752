import type { ForeignLedger } from "../provider/kinds/migrations/foreign-ledger";
import type { DefaultFact, PrivilegeFact } from "../provider/kinds/access/facts";
import type { RoleFact } from "../provider/kinds/role/changes";

// What a running server is found to be: rows of sql/adopt and sql/catalog.

export interface ServerFact {
  /** server_version_num */
  version: number;
  user: string;
  isSuperuser: boolean;
  /** Name of the bootstrap superuser. */
  bootstrap: string;
  standby: boolean;
  /** Names of all roles that PostgreSQL does not bring along. */
  roles: string[];
}

/** Something that no stack file declares; `kind` is a key of adopt/others.ts. */
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

/** A database, seen from outside. */
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

/** A database, seen from inside. */
export interface ContentFact {
  /** Tables, views and routines. */
  objects: number;
  schemas: { name: string; owner: string }[];
  extensions: { name: string; schema: string; version: string }[];
  privileges: PrivilegeFact[];
  /** With what PostgreSQL gives by itself, for all roles. */
  defaults: DefaultFact[];
  others: OtherFact[];
  partitioned: PartitionedTableFact[];
  ledgers: LedgerFact[];
}

/** A table in which another tool keeps what migrations it has applied. */
export interface LedgerFact extends ForeignLedger {
  /** Of dbmate's, whose versions are those of its files. */
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
  /** No library of that server has it. */
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
  /** Why PostgreSQL cannot read the line, of which it knows no more then. */
  error?: string | null;
}

export interface ContainerFact {
  name: string;
  image: string;
  /** MiB; 0: no limit. */
  memory: number;
  /** 0: no limit. */
  cpus: number;
  /** Where it is published. */
  port?: number;
  address?: string;
  /** ID of /etc/os-release: debian, alpine, ... */
  system: string;
  /** Ports of the host that containers of the engine have. */
  takenPorts: number[];
}

export interface Facts {
  /** What was asked, for messages. */
  from: string;
  server: ServerFact;
  /** Absent: a server elsewhere. */
  container?: ContainerFact;
  roles: RoleFact[];
  /** The bootstrap superuser, as a role. */
  bootstrap?: RoleFact;
  databases: DatabaseFact[];
  /** Of the databases that take connections, by name. */
  contents: Record<string, ContentFact>;
  settings: SettingFact[];
  hba: HbaFact[];
  others: OtherFact[];
  /** The database that holds pg_cron, if one does. */
  cronDatabase?: string;
  jobs: JobFact[];
}
