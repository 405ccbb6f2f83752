import { createHash } from "node:crypto";
import { loadModule, parseSync } from "libpg-query";

// A migration file in dbmate's format: a line `-- migrate:up` (with the option transaction:false) and what follows it, then
// `-- migrate:down` and what undoes it. The file name is VERSION_NAME.sql, VERSION in digits.

export interface Statement {
  sql: string;
  /** Line of the file that it begins on, from 1. */
  line: number;
  /** Schema and name of the index that CREATE INDEX CONCURRENTLY would make; a failure leaves it behind, invalid. */
  concurrentIndex?: { schema?: string; name: string };
}

export interface Section {
  statements: Statement[];
  /** False: each statement by itself, outside a transaction. */
  transaction: boolean;
}

export interface MigrationFile {
  file: string;
  version: string;
  name: string;
  /** SHA-256 of the text, line ends as LF. */
  hash: string;
  up: Section;
  /** Undefined: cannot be undone. */
  down?: Section;
}

/** A file that is not a migration, and where. */
export class MigrationFileError extends Error {}

const NAME = /^(\d{3,20})_([A-Za-z0-9_-]+)\.sql$/;
const MARKER = /^--\s*migrate:(up|down)\b(.*)$/gm;

export function hashOf(text: string): string {
  return createHash("sha256").update(text.replaceAll("\r\n", "\n")).digest("hex");
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

function section(file: string, text: string, from: number, to: number, options: string): Section {
  const transaction = !/\btransaction:false\b/.test(options);
  const unknown = options.replace(/\btransaction:(true|false)\b/, "").trim();
  if (unknown) throw new MigrationFileError(`${file}:${lineAt(text, from)}: unknown option "${unknown}"; there is transaction:false`);
  const body = text.slice(from, to);
  const bytes = Buffer.from(body);
  try {
    const { stmts = [] } = parseSync(body) as { stmts?: { stmt: Record<string, unknown>; stmt_location?: number; stmt_len?: number }[] };
    const statements = stmts.map(({ stmt, stmt_location: start = 0, stmt_len: length }): Statement => {
      const whole = bytes.subarray(start, length ? start + length : undefined).toString();
      const sql = whole.replace(/^(\s+|--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/)+/, "");
      const before = bytes.subarray(0, start).toString().length + (whole.length - sql.length);
      const index = stmt.IndexStmt as { idxname?: string; concurrent?: boolean; relation?: { schemaname?: string } } | undefined;
      return {
        sql,
        line: lineAt(text, from + before),
        ...(index?.concurrent && index.idxname ? { concurrentIndex: { schema: index.relation?.schemaname, name: index.idxname } } : {}),
      };
    });
    return { statements, transaction };
  } catch (error) {
    const at = (error as { sqlDetails?: { cursorPosition: number } }).sqlDetails?.cursorPosition ?? 0;
    throw new MigrationFileError(`${file}:${lineAt(text, from + Math.max(at, 0))}: ${(error as Error).message}`);
  }
}

/** Parses a file with PostgreSQL's own parser. */
export async function parseMigration(file: string, text: string): Promise<MigrationFile> {
  await loadModule();
  const [, version, name] = NAME.exec(file) ?? [];
  if (!version || !name) throw new MigrationFileError(`${file}: a migration is named VERSION_NAME.sql, such as 20250701000100_tables.sql`);
  const normal = text.replaceAll("\r\n", "\n");
  const markers = [...normal.matchAll(MARKER)];
  const [first, second, ...more] = markers;
  if (first?.[1] !== "up") throw new MigrationFileError(`${file}: has no line "-- migrate:up" at its beginning`);
  if (more.length > 0 || second?.[1] === "up") {
    throw new MigrationFileError(`${file}: has more than one "-- migrate:up" or "-- migrate:down"`);
  }
  const bodyOf = (marker: RegExpExecArray, end: number) =>
    section(file, normal, marker.index + marker[0].length, end, marker[2] ?? "");
  const up = bodyOf(first, second?.index ?? normal.length);
  if (up.statements.length === 0) throw new MigrationFileError(`${file}: there is nothing to do under "-- migrate:up"`);
  const down = second ? bodyOf(second, normal.length) : undefined;
  return { file, version, name, hash: hashOf(normal), up, ...(down && down.statements.length > 0 ? { down } : {}) };
}

/** Parses all files of a folder, ordered by version. */
export async function parseMigrations(files: Record<string, string>): Promise<MigrationFile[]> {
  const parsed = await Promise.all(Object.entries(files).map(([file, text]) => parseMigration(file, text)));
  parsed.sort((a, b) => (BigInt(a.version) < BigInt(b.version) ? -1 : 1));
  parsed.forEach((migration, i) => {
    const next = parsed[i + 1];
    if (next && BigInt(next.version) === BigInt(migration.version)) {
      throw new MigrationFileError(`${next.file}: ${migration.file} has the same version`);
    }
  });
  return parsed;
}

/** Hash of each file that should be applied, by name; `target` is the newest version wanted. */
export function wantedMigrations(files: Record<string, string>, target?: string): Record<string, string> {
  const wanted = Object.entries(files).filter(([file]) => {
    const version = NAME.exec(file)?.[1];
    return target === undefined || version === undefined || BigInt(version) <= BigInt(target);
  });
  return Object.fromEntries(wanted.map(([file, text]) => [file, hashOf(text)]));
}
