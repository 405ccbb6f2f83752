import { createHash } from "node:crypto";
import {
  errorAt,
  loadParser,
  skipBlank,
  splitStatements,
  SqlFileError,
  type Node,
  type SqlStatement,
} from "../../sql-file";
import { deedsOf, runsOn, type Deed } from "./deeds";
import { directivesOf } from "./directive";
import { batchOf, type Batch } from "./pieces";
import { concurrentIndexes, isAtomic, isPatient, needsNoTransaction, refusal, type Indexes } from "./statement";

// A migration file in dbmate's format: a line `-- migrate:up` (with the option transaction:false) and what follows it, then
// `-- migrate:down` and what undoes it. The file name is VERSION_NAME.sql, VERSION in digits.

export interface Statement extends SqlStatement {
  /** Indexes that it works on beside others; a failure leaves them behind, invalid. */
  indexes?: Indexes;
  /** Waits for locks without holding up others. */
  patient: boolean;
  /** May have a transaction of its own. */
  atomic: boolean;
  tree: Node;
  /** It is run in pieces. */
  batch?: Batch;
  /** What it does to tables. */
  deeds: Deed[];
  /** Reads or writes rows, for as long as that takes. */
  runs: boolean;
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

function section(file: string, text: string, from: number, to: number, options: string): Section {
  const transaction = !/\btransaction:false\b/.test(options);
  const unknown = options.replace(/\btransaction:(true|false)\b/, "").trim();
  if (unknown) throw errorAt(file, text, from, `unknown option "${unknown}"; there is transaction:false`);
  const refuse = (tree: Node) => refusal(tree) ?? (transaction ? needsNoTransaction(tree) : undefined);
  const parsed = splitStatements(file, text, refuse, from, to);
  const directives = directivesOf(file, text, parsed, from, to);
  const statements = parsed.map(({ sql, line, tree, at }, i): Statement => {
    const directive = directives[i];
    const batch = directive && batchOf(sql, tree, directive, transaction);
    if (typeof batch === "string") throw errorAt(file, text, at, batch);
    const deeds: Deed[] = batch ? [{ kind: "backfill", on: batch.on, verb: batch.verb }] : deedsOf(tree);
    const indexes = concurrentIndexes(tree);
    return {
      sql,
      line,
      deeds,
      runs: runsOn(tree),
      ...(batch && { batch }),
      ...(indexes && { indexes }),
      patient: isPatient(tree),
      atomic: isAtomic(tree),
      tree,
    };
  });
  return { statements, transaction };
}

/** Parses a file with PostgreSQL's own parser. */
export async function parseMigration(file: string, text: string): Promise<MigrationFile> {
  await loadParser();
  const [, version, name] = NAME.exec(file) ?? [];
  if (!version || !name) {
    throw new SqlFileError(`${file}: a migration is named VERSION_NAME.sql, such as 20250701000100_tables.sql`);
  }
  const normal = text.replaceAll("\r\n", "\n");
  const markers = [...normal.matchAll(MARKER)];
  const [first, second, ...more] = markers;
  if (first?.[1] !== "up") throw new SqlFileError(`${file}: has no line "-- migrate:up" at its beginning`);
  const lost = skipBlank(normal.slice(0, first.index));
  if (lost < first.index) {
    throw errorAt(file, normal, lost, 'what stands before "-- migrate:up" would never be run');
  }
  if (more.length > 0 || second?.[1] === "up") {
    throw new SqlFileError(`${file}: has more than one "-- migrate:up" or "-- migrate:down"`);
  }
  const bodyOf = (marker: RegExpExecArray, end: number) =>
    section(file, normal, marker.index + marker[0].length, end, marker[2] ?? "");
  const up = bodyOf(first, second?.index ?? normal.length);
  if (up.statements.length === 0) throw new SqlFileError(`${file}: there is nothing to do under "-- migrate:up"`);
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
      throw new SqlFileError(`${next.file}: ${migration.file} has the same version`);
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
