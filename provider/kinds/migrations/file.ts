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
import { statementOperations, runsOn, type StatementOperation } from "./statement-operations";
import { directivesOf } from "./directive";
import { parseFileName, sameVersion } from "./file-name";
import { batchOf, type Batch } from "./batches";
import { concurrentIndexes, isAtomic, isPatient, needsNoTransaction, refusal, type Indexes } from "./statement";

// A migration file in dbmate's format: a line `-- migrate:up` (with the option transaction:false) and what follows it, then
// `-- migrate:down` and what undoes it. Several such pairs run one after another, each in a transaction of its own or without.

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
  operations: StatementOperation[];
  /** Reads or writes rows, for as long as that takes. */
  runs: boolean;
}

/** What stands between two markers. */
export interface Block {
  statements: Statement[];
  /** False: each statement by itself, outside a transaction. */
  transaction: boolean;
}

/** All blocks of one direction, in their order. */
export interface Section {
  blocks: Block[];
  /** Of all blocks. */
  statements: Statement[];
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
  /** Why the down part cannot be read. */
  downProblem?: string;
}

// As dbmate finds them: the text behind the word is its options.
const MARKER = /^--\s*migrate:(up|down)(?=\s|$)(.*)$/gm;

export function hashOf(text: string): string {
  return createHash("sha256").update(text.replaceAll("\r\n", "\n")).digest("hex");
}

/** Tells the first statements of a section from others, so that a half-applied file may be mended behind them. */
export function hashOfDone({ statements }: Section, done: number): string {
  const texts = statements.slice(0, done).map(({ sql }) => sql);
  return `begun:${hashOf(JSON.stringify(texts))}`;
}

/** Whether a block has a transaction. Other words than those that speak of it are nothing to dbmate. */
function transactionOf(file: string, text: string, { index, 2: options = "" }: RegExpExecArray): boolean {
  const [, value] = /(?:^|\s)transaction:(true|false)(?=\s|$)/.exec(options) ?? [];
  if (value === undefined && options.includes("transaction"))
    throw errorAt(file, text, index, `unknown option "${options.trim()}"; there is transaction:false`);
  return value !== "false";
}

function blockOf(file: string, text: string, marker: RegExpExecArray, to: number): Block {
  const from = marker.index + marker[0].length;
  const transaction = transactionOf(file, text, marker);
  const refuse = (tree: Node) => refusal(tree) ?? (transaction ? needsNoTransaction(tree) : undefined);
  const parsed = splitStatements(file, text, refuse, from, to);
  const directives = directivesOf(file, text, parsed, from, to);
  const statements = parsed.map(({ sql, line, tree, at }, i): Statement => {
    const directive = directives[i];
    const batch = directive && batchOf(sql, tree, directive, transaction);
    if (typeof batch === "string") throw errorAt(file, text, at, batch);
    const operations: StatementOperation[] = batch
      ? [{ kind: "backfill", on: batch.on, verb: batch.verb }]
      : statementOperations(tree);
    const indexes = concurrentIndexes(tree);
    return {
      sql,
      line,
      operations,
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

const sectionOf = (blocks: Block[]): Section => ({
  blocks,
  statements: blocks.flatMap(({ statements }) => statements),
});

/** The blocks of a section from a statement on, with the number of their first statement; those in which none is left are not. */
export function blocksFrom({ blocks }: Section, from: number): (Block & { first: number })[] {
  let next = 0;
  return blocks.flatMap(({ statements, transaction }) => {
    const begin = next;
    next += statements.length;
    const first = Math.max(begin, from);
    const left = statements.slice(first - begin);
    return left.length > 0 ? [{ statements: left, transaction, first }] : [];
  });
}

/** An up part follows another, or the down part of another; a down part follows an up part. */
function checkMarkers(file: string, text: string, markers: RegExpExecArray[]): void {
  const [first] = markers;
  if (first?.[1] !== "up") throw new SqlFileError(`${file}: has no line "-- migrate:up" at its beginning`);
  const lost = skipBlank(text.slice(0, first.index));
  if (lost < first.index) throw errorAt(file, text, lost, 'what stands before "-- migrate:up" would never be run');
  const second = markers.find((marker, i) => marker[1] === "down" && markers[i - 1]?.[1] === "down");
  if (second) throw errorAt(file, text, second.index, 'has more than one "-- migrate:down" for one "-- migrate:up"');
}

/** A down part need be readable only where it is run. */
function downOf(read: () => Section): Pick<MigrationFile, "down" | "downProblem"> {
  try {
    const down = read();
    return down.statements.length > 0 ? { down } : {};
  } catch (error) {
    if (error instanceof SqlFileError) return { downProblem: error.message };
    throw error;
  }
}

/** Parses a file with PostgreSQL's own parser. */
export async function parseMigration(file: string, text: string): Promise<MigrationFile> {
  await loadParser();
  const named = parseFileName(file);
  if (!named)
    throw new SqlFileError(
      `${file}: the name of a migration begins with its version in digits, such as 20250701000100_tables.sql`,
    );
  const normal = text.replaceAll("\r\n", "\n");
  const markers = [...normal.matchAll(MARKER)];
  checkMarkers(file, normal, markers);
  const blocks = (direction: string) =>
    markers.flatMap((marker, i) =>
      marker[1] === direction ? [blockOf(file, normal, marker, markers[i + 1]?.index ?? normal.length)] : [],
    );
  const up = sectionOf(blocks("up"));
  return { file, ...named, hash: hashOf(normal), up, ...downOf(() => sectionOf(blocks("down"))) };
}

/** So many problems of a folder are listed. */
const SHOWN = 20;

/** The problems of all files as one error. */
function allOf(problems: Error[]): Error {
  const [first] = problems;
  const other = problems.find((each) => !(each instanceof SqlFileError));
  if (other) return other;
  if (first && problems.length === 1) return first;
  const more = problems.length > SHOWN ? [`and ${problems.length - SHOWN} more`] : [];
  const lines = problems.slice(0, SHOWN).map(({ message }) => message);
  return new SqlFileError([`${problems.length} files have problems:`, ...lines, ...more].join("\n  "));
}

/** Parses all files of a folder, ordered by version. */
export async function parseMigrations(files: Record<string, string>): Promise<MigrationFile[]> {
  const tried = await Promise.allSettled(Object.entries(files).map(([file, text]) => parseMigration(file, text)));
  const problems = tried.flatMap((each) => (each.status === "rejected" ? [each.reason as Error] : []));
  if (problems.length > 0) throw allOf(problems);
  const parsed = tried.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  parsed.sort((a, b) => (BigInt(a.version) < BigInt(b.version) ? -1 : 1));
  parsed.forEach((migration, i) => {
    const next = parsed[i + 1];
    if (next && sameVersion(next.version, migration.version)) {
      throw new SqlFileError(`${next.file}: ${migration.file} has the same version`);
    }
  });
  return parsed;
}

/** Hash of each file that should be applied, by name; `target` is the newest version wanted. */
export function wantedMigrations(files: Record<string, string>, target?: string): Record<string, string> {
  const wanted = Object.entries(files).filter(([file]) => {
    const version = parseFileName(file)?.version;
    return target === undefined || version === undefined || BigInt(version) <= BigInt(target);
  });
  return Object.fromEntries(wanted.map(([file, text]) => [file, hashOf(text)]));
}
