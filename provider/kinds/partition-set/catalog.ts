import type { Client } from "pg";
import { z } from "zod";
import { rowsOf, type RowOf, catalogQuery, readRows } from "../../catalog-query";
import { currentNames, allNames } from "./current-names";
import type { PartitionSetInputs } from "./inputs";

/** Columns of pgwright.partition_sets that declare a set. */
export const COLUMNS = [
  "parent",
  "kind",
  "interval",
  "zone",
  "premake",
  "start",
  "naming",
  "overflow",
  "retention",
  "template",
  "sub",
  "values",
  "modulus",
  "convert",
  "maintainer",
] as const satisfies (keyof PartitionSetInputs)[];

/** The set as pgwright.partition_sets declares it, with its drift; undefined if it is missing there. */
export async function find(client: Client, parent: string): Promise<Omit<PartitionSetInputs, "database"> | undefined> {
  const [row] = await rowsOf(
    client,
    { set: z.record(z.string(), z.unknown()) },
    "SELECT pg_catalog.to_jsonb(s) AS set FROM pgwright.partition_sets AS s WHERE parent = $1",
    [parent],
  );
  if (!row) return undefined;
  const set = currentNames(row.set);
  const drift = await rowsOf(
    client,
    { partition: z.string(), what: z.string() },
    "SELECT partition, what FROM pgwright.partition_drift($1)",
    [parent],
  );
  const declared = Object.fromEntries(COLUMNS.map((column) => [column, set[column] ?? undefined]));
  const byHand = Object.fromEntries(drift.map(({ partition, what }) => [partition, what]));
  return { ...declared, byHand } as Omit<PartitionSetInputs, "database">;
}

export type Step = RowOf<typeof PARTITION_PLAN>;

export const PARTITION_PLAN = catalogQuery("partition-plan", {
  action: z.string(),
  partition: z.string(),
  bound: z.string(),
  row_count: z.string().nullable(),
  size: z.string().nullable(),
});

/**
 * The steps of the next run with these inputs, computed by the library. `run` must be a session of the table's owner: the library reads
 * rows, and planning a query already runs code of the owner (predicates of indexes).
 */
export async function plan(run: Client, inputs: PartitionSetInputs): Promise<Step[]> {
  // With all names, because a preview may find the library of an earlier version.
  return readRows(run, PARTITION_PLAN, JSON.stringify(allNames(inputs)));
}

/** The owner of a table; throws if the table does not exist. */
export async function ownerOf(client: Client, parent: string): Promise<string> {
  const sql = "SELECT pgwright.partition_may($1) AS owner";
  return (await rowsOf(client, { owner: z.string() }, sql, [parent]))[0]?.owner ?? "";
}
