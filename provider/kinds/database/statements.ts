import { createHash } from "node:crypto";
import { escapeIdentifier as quoted, escapeLiteral as literal } from "pg";
import { z } from "zod";
import { catalogQuery, type RowOf } from "../../catalog-query";
import type { DatabaseInputs } from "./inputs";

export type Found = RowOf<typeof DATABASE>;
export const DATABASE = catalogQuery("database", {
  name: z.string(),
  owner: z.string(),
  connectionLimit: z.number(),
  allowsConnections: z.boolean(),
  isTemplate: z.boolean(),
  /** LC_CTYPE is C beside a provider with all letters of UTF-8: pg_trgm and text search ignore letters outside ASCII. */
  onlyAscii: z.boolean(),
});

type Declared = Pick<DatabaseInputs, "name" | "owner" | "connectionLimit">;

/** LC_CTYPE of new databases in a cluster whose template0 has C. */
const CTYPE = "C.UTF-8";

/** Warning about a database that is onlyAscii. */
export const onlyAsciiProblem = (name: string): string =>
  `database ${name}: LC_CTYPE is C, so pg_trgm and text search ignore letters outside ASCII; UPDATE pg_database SET datctype = ` +
  `'${CTYPE}' WHERE datname = ${literal(name)}, and rebuild the indexes of pg_trgm and text search ` +
  '(docs/operations.md, "Letters outside ASCII")';

/** The statements that alter a database as declared, or create it if `found` is undefined; `template` is template0. */
export function databaseChanges(
  found: Found | undefined,
  { name, owner, connectionLimit }: Declared,
  template?: Found,
): string[] {
  const database = `DATABASE ${quoted(name)}`;
  if (!found) {
    const ctype = template?.onlyAscii ? ` LC_CTYPE '${CTYPE}'` : "";
    return [
      `CREATE ${database} OWNER ${quoted(owner)} TEMPLATE template0 ENCODING 'UTF8'${ctype} CONNECTION LIMIT ${connectionLimit}`,
    ];
  }
  return [
    ...(found.owner === owner ? [] : [`ALTER ${database} OWNER TO ${quoted(owner)}`]),
    ...(found.connectionLimit === connectionLimit ? [] : [`ALTER ${database} CONNECTION LIMIT ${connectionLimit}`]),
    ...(found.allowsConnections ? [] : [`ALTER ${database} ALLOW_CONNECTIONS true`]),
  ];
}

/** The name of a copy until it is complete, so that an unfinished one is never used as the database. */
export function unfinishedName(name: string): string {
  return `pgwright-copy-${createHash("sha256").update(name).digest("hex").slice(0, 12)}`;
}

/** Creates the copy under its unfinished name. With a connection limit of 0 only superusers can connect. */
export function copyStatement(
  source: string,
  { name, owner, strategy }: Pick<DatabaseInputs, "name" | "owner"> & { strategy: string },
): string {
  const copy = quoted(unfinishedName(name));
  return `CREATE DATABASE ${copy} OWNER ${quoted(owner)} TEMPLATE ${quoted(source)} STRATEGY ${strategy} CONNECTION LIMIT 0`;
}

/**
 * The statements before and after the masks of a copy. Between them only the role of the masks, which gets CONNECT, can connect. It
 * is no superuser, so that a connection limit of 0 would exclude it.
 */
export function maskingStatements({ name, owner }: Pick<DatabaseInputs, "name" | "owner">): {
  before: string;
  after: string;
} {
  const copy = `DATABASE ${quoted(unfinishedName(name))}`;
  const others = `PUBLIC, ${quoted(owner)}`;
  return {
    before: `REVOKE CONNECT ON ${copy} FROM ${others}; ALTER ${copy} CONNECTION LIMIT -1`,
    after: `ALTER ${copy} CONNECTION LIMIT 0; GRANT CONNECT ON ${copy} TO ${others}`,
  };
}

/** Renames the copy and sets its declared connection limit. */
export function finishStatements({ name, connectionLimit }: Declared): string[] {
  return [
    `ALTER DATABASE ${quoted(unfinishedName(name))} RENAME TO ${quoted(name)}`,
    ...(connectionLimit === 0 ? [] : [`ALTER DATABASE ${quoted(name)} CONNECTION LIMIT ${connectionLimit}`]),
  ];
}
