import { createHash } from "node:crypto";
import { escapeIdentifier as quoted } from "pg";
import type { DatabaseInputs } from "./inputs";

/** A database as the catalog has it. */
export interface Found {
  name: string;
  owner: string;
  connectionLimit: number;
  allowsConnections: boolean;
  isTemplate: boolean;
  /** LC_CTYPE is C beside a provider that knows all letters: pg_trgm and text search take those outside ASCII for none. */
  onlyAscii: boolean;
}

type Declared = Pick<DatabaseInputs, "name" | "owner" | "connectionLimit">;

/** LC_CTYPE of new databases of a cluster whose template has C. */
const CTYPE = "C.UTF-8";

/** What a preview says of a database that is onlyAscii. */
export const onlyAsciiProblem = (name: string): string =>
  `database ${name}: LC_CTYPE is C, so pg_trgm and text search ignore letters outside ASCII; UPDATE pg_database SET datctype = ` +
  `'${CTYPE}' WHERE datname = '${name.replaceAll("'", "''")}', and build indexes of pg_trgm and text search anew ` +
  '(docs/operations.md, "Letters outside ASCII")';

/** The statements that bring a database to its declaration; without one, those that make it, where `template` is template0. */
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

/** The name that a copy has until it is whole: one that was left half made must not be taken for the database. */
export function unfinishedName(name: string): string {
  return `pgwright-copy-${createHash("sha256").update(name).digest("hex").slice(0, 12)}`;
}

/** Makes the copy under its first name. With a limit of 0 nobody but superusers can connect. */
export function copyStatement(
  source: string,
  { name, owner, strategy }: Pick<DatabaseInputs, "name" | "owner"> & { strategy: string },
): string {
  const copy = quoted(unfinishedName(name));
  return `CREATE DATABASE ${copy} OWNER ${quoted(owner)} TEMPLATE ${quoted(source)} STRATEGY ${strategy} CONNECTION LIMIT 0`;
}

/**
 * What is run before and after the mask of a copy. In between only the role of that run can connect, which CONNECT is granted to:
 * a limit of 0 would keep it out, since it is no superuser.
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

/** Gives the copy its name, and lets others in. */
export function finishStatements({ name, connectionLimit }: Declared): string[] {
  return [
    `ALTER DATABASE ${quoted(unfinishedName(name))} RENAME TO ${quoted(name)}`,
    ...(connectionLimit === 0 ? [] : [`ALTER DATABASE ${quoted(name)} CONNECTION LIMIT ${connectionLimit}`]),
  ];
}
