import type { Client } from "pg";
import { z } from "zod";
import { rowsOf } from "./catalog-query";

const exists = async (client: Client, type: "regclass" | "regproc", name: string): Promise<boolean> => {
  const sql = `SELECT pg_catalog.to_${type}($1) IS NOT NULL AS exists`;
  return (await rowsOf(client, { exists: z.boolean() }, sql, [name]))[0]?.exists ?? false;
};

/** True if the database has this table, view or index (schema.name, quoted as in SQL). */
export const hasRelation = (client: Client, name: string): Promise<boolean> => exists(client, "regclass", name);

/** True if the database has exactly one function or procedure of this name (schema.name, quoted as in SQL). */
export const hasRoutine = (client: Client, name: string): Promise<boolean> => exists(client, "regproc", name);
