import { declare } from "../../declaration";

/** A partition's name suffix -> the values of a LIST partition. */
type Values = Record<string, string[]>;

export interface PartitionSetInputs {
  database: string;
  /** The partitioned table, schema.name, quoted where SQL needs it. */
  parent: string;
  kind: "time" | "integer" | "uuid7" | "list" | "hash";
  /** Width of a RANGE partition: an interval, or a whole number. */
  interval?: string;
  zone: string;
  premake: number;
  start?: string;
  naming?: string;
  overflow: "none" | "guard" | "drain";
  retention?: {
    age?: string;
    count?: number;
    then: "keep" | "detach" | "archive" | "drop";
    schema?: string;
    tablespace?: string;
  };
  template: { tablespace?: string; storage?: Record<string, string>; indexes?: string[] };
  sub?: { by: "list" | "hash"; column: string; modulus?: number; values?: Values; default?: boolean };
  /** Of LIST partitions. */
  values?: Values;
  /** Of HASH partitions. */
  modulus?: number;
  /** Partition a plain table by this column, while it is in use. */
  convert?: { column: string };
  /** Role of the maintenance job; if absent, the owner of the database, which must then own the table. */
  maintainer?: string;
  /** Drift by partition: what was attached, detached or renamed outside of pgwright. Declared: empty. */
  byHand: Record<string, string>;
}

export type PartitionSetState = PartitionSetInputs;

export const declaration = declare<PartitionSetInputs>()({ type: "PartitionSet", wanted: { byHand: () => ({}) } });
