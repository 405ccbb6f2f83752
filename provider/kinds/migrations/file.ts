import { createHash } from "node:crypto";
import { loadModule, parseSync } from "libpg-query";
import { needsNoTransaction, refusal, strongestLock, concurrentIndexOf, type Node } from "./statement";

// A migration file in dbmate's format: a line `-- migrate:up` (with the option transaction:false) and what follows it, then
// `-- migrate:down` and what undoes it. The file name is VERSION_NAME.sql, VERSION in digits.

export interface Statement {
  sql: string;
  /** Line of the file that it begins on, from 1. */
  line: number;
  /** Schema and name of the index that CREATE INDEX CONCURRENTLY would make; a failure leaves it behind, invalid. */
  concurrentIndex?: { schema: string; name: string };
  /** The strongest lock that it takes on a table, in words; undefined if none that holds up others. */
  lock?: string;
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

/** Tells the first statements of a section from others, so that a half-applied file may be mended behind them. */
export function hashOfDone({ statements }: Section, done: number): string {
  const texts = statements.slice(0, done).map(({ sql }) => sql);
  return `begun:${hashOf(JSON.stringify(texts))}`;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

/** PostgreSQL counts characters, JavaScript counts UTF-16 units. */
function offsetOf(text: string, characters: number): number {
  return Array.from(text).slice(0, Math.max(characters, 0)).join("").length;
}

/** Where the first token is: behind white space and comments, which PostgreSQL nests. */
export function skipBlank(text: string): number {
  let at = 0;
  for (;;) {
    const blank = /^(\s+|--[^\n]*)/.exec(text.slice(at, at + 10_000))?.[0].length ?? 0;
    if (blank > 0) at += blank;
    else if (text.startsWith("/*", at)) at = endOfComment(text, at);
    else return at;
  }
}

function endOfComment(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text.startsWith("/*", at)) depth += 1;
    else if (text.startsWith("*/", at)) depth -= 1;
    else continue;
    at += 1;
    if (depth === 0) return at + 1;
  }
  return text.length;
}

interface Parsed {
  stmts?: { stmt: Node; stmt_location?: number; stmt_len?: number }[];
}

function section(file: string, text: string, from: number, to: number, options: string): Section {
  const transaction = !/\btransaction:false\b/.test(options);
  const unknown = options.replace(/\btransaction:(true|false)\b/, "").trim();
  const fail = (offset: number, problem: string) =>
    new MigrationFileError(`${file}:${lineAt(text, offset)}: ${problem}`);
  if (unknown) throw fail(from, `unknown option "${unknown}"; there is transaction:false`);
  const body = text.slice(from, to);
  if (skipBlank(body) === body.length) return { statements: [], transaction };
  const bytes = Buffer.from(body);
  let parsed: Parsed;
  try {
    parsed = parseSync(body) as Parsed;
  } catch (error) {
    const { cursorPosition = 0 } = (error as { sqlDetails?: { cursorPosition: number } }).sqlDetails ?? {};
    const at = from + offsetOf(body, cursorPosition);
    const word = /^\\\S*/.exec(text.slice(at))?.[0];
    throw fail(
      at,
      word ? `${word} is a command of psql, not SQL: write what it does as SQL` : (error as Error).message,
    );
  }
  const statements = (parsed.stmts ?? []).map(({ stmt, stmt_location: start = 0, stmt_len: length }): Statement => {
    const whole = bytes.subarray(start, length ? start + length : undefined).toString();
    const blank = skipBlank(whole);
    const at = from + bytes.subarray(0, start).toString().length + blank;
    const problem = refusal(stmt) ?? (transaction ? needsNoTransaction(stmt) : undefined);
    if (problem) throw fail(at, problem);
    const lock = strongestLock(stmt);
    const concurrentIndex = concurrentIndexOf(stmt);
    return {
      sql: whole.slice(blank),
      line: lineAt(text, at),
      ...(concurrentIndex && { concurrentIndex }),
      ...(lock && { lock }),
    };
  });
  return { statements, transaction };
}

/** Parses a file with PostgreSQL's own parser. */
export async function parseMigration(file: string, text: string): Promise<MigrationFile> {
  await loadModule();
  const [, version, name] = NAME.exec(file) ?? [];
  if (!version || !name) {
    throw new MigrationFileError(`${file}: a migration is named VERSION_NAME.sql, such as 20250701000100_tables.sql`);
  }
  const normal = text.replaceAll("\r\n", "\n");
  const markers = [...normal.matchAll(MARKER)];
  const [first, second, ...more] = markers;
  if (first?.[1] !== "up") throw new MigrationFileError(`${file}: has no line "-- migrate:up" at its beginning`);
  const lost = skipBlank(normal.slice(0, first.index));
  if (lost < first.index) {
    throw new MigrationFileError(
      `${file}:${lineAt(normal, lost)}: what stands before "-- migrate:up" would never be run`,
    );
  }
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

/** The versions of files, by file name; what is no migration has none. */
export function versionsOf(files: string[]): string[] {
  return files.flatMap((file) => NAME.exec(file)?.[1] ?? []);
}

/** The file of a version, by its name. */
export function fileOf(files: string[], version: string): string | undefined {
  return files.find((file) => versionsOf([file]).some((other) => BigInt(other) === BigInt(version)));
}
