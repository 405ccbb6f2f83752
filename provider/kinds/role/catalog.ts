import type { Client } from "pg";
import { z } from "zod";
import { Batch } from "../../batch";
import { type RowOf, catalogQuery, readRows } from "../../catalog-query";
import { ask } from "../../session";
import { GRANTED_MEMBERSHIP, MEMBERSHIP } from "./memberships";

/** Columns that are inputs, too. */
const ATTRIBUTES = {
  name: z.string(),
  login: z.boolean(),
  superuser: z.boolean(),
  inherit: z.boolean(),
  createDatabase: z.boolean(),
  createRole: z.boolean(),
  replication: z.boolean(),
  bypassRowLevelSecurity: z.boolean(),
  connectionLimit: z.number(),
};

/** A role as the catalog has it. */
export type RoleFact = RowOf<typeof ROLES>;
export const ROLES = catalogQuery("roles", {
  ...ATTRIBUTES,
  validUntil: z.string().nullable(),
  verifier: z.string().nullable(),
  memberships: z.array(MEMBERSHIP),
  /** Memberships that it granted to others. */
  granted: z.array(GRANTED_MEMBERSHIP),
  /** Other roles with CREATEROLE and ADMIN OPTION on it, which may alter, grant and drop it. */
  makers: z.array(z.string()),
  /** `name=value`; in all databases if `database` is null. */
  settings: z.array(z.strictObject({ database: z.string().nullable(), setting: z.string() })),
});

/** A role as CREATE ROLE creates it without options. */
export const FRESH: Omit<RoleFact, "name"> = {
  login: false,
  superuser: false,
  inherit: true,
  createDatabase: false,
  createRole: false,
  replication: false,
  bypassRowLevelSecurity: false,
  connectionLimit: -1,
  validUntil: null,
  verifier: null,
  memberships: [],
  granted: [],
  makers: [],
  settings: [],
};

export async function find(client: Client, names: string[]): Promise<Map<string, RoleFact>> {
  const rows = await readRows(client, ROLES, names);
  return new Map(rows.map((fact) => [fact.name, fact]));
}

/** Reads all roles of a refresh in one query; undefined while the server is down. */
export const facts = new Batch<Map<string, RoleFact> | undefined>((host, names) =>
  ask<Map<string, RoleFact> | undefined>(host, "postgres", (client) => find(client, names), undefined),
);
