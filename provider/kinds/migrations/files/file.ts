import { createHash } from "node:crypto";
import {
  errorAt,
  loadParser,
  skipBlank,
  splitStatements,
  SqlFileError,
  type Node,
  type SqlStatement,
} from "../../../sql-file";
import { statementOperations, runsOn, type StatementOperation } from "../statements/statement-operations";
import { directivesOf } from "../statements/directive";
import { parseFileName, sameVersion } from "./file-name";
import { batchOf, type Batch } from "../statements/batches";
import {
  concurrentIndexes,
  isAtomic,
  isPatient,
  needsNoTransaction,
  refusal,
  type Indexes,
} from "../statements/statement";

// A migration file in dbmate's format: the line `-- migrate:up` (option: transaction:false) and its statements, then `-- migrate:down`
// and the statements that undo them. Several such pairs run in their order, each with or without a transaction of its own.

export interface Statement extends SqlStatement {
  /** Indexes of a statement with CONCURRENTLY; a failure leaves them invalid. */
  indexes?: Indexes;
  /** Its wait for a lock does not block others that read or write rows. */
  patient: boolean;
  /** It can run in a transaction of its own. */
  atomic: boolean;
  tree: Node;
  /** It runs in batches. */
  batch?: Batch;
  operations: StatementOperation[];
  /** Reads or writes rows, so that its duration depends on their number. */
  runs: boolean;
}

/** The statements between two markers. */
export interface Block {
  statements: Statement[];
  /** False: each statement is committed separately. */
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
  /** Undefined: the file cannot be undone. */
  down?: Section;
  /** Why the down part cannot be parsed. */
  downProblem?: string;
}

// The same expression as in dbmate: options follow the word.
const MARKER = /^--\s*migrate:(up|down)(?=\s|$)(.*)$/gm;

export function hashOf(text: string): string {
  return createHash("sha256").update(text.replaceAll("\r\n", "\n")).digest("hex");
}

/** Hash of the first statements of a section, so that the statements after them may be corrected in a partly applied file. */
export function hashOfDone({ statements }: Section, done: number): string {
  const texts = statements.slice(0, done).map(({ sql }) => sql);
  return `begun:${hashOf(JSON.stringify(texts))}`;
}

/** Whether a block has a transaction. dbmate ignores all other options. */
function transactionOf(file: string, text: string, { index, 2: options = "" }: RegExpExecArray): boolean {
  const [, value] = /(?:^|\s)transaction:(true|false)(?=\s|$)/.exec(options) ?? [];
  if (value === undefined && options.includes("transaction"))
    throw errorAt(file, text, index, `unknown option "${options.trim()}"; write transaction:false`);
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

/** The blocks of a section from a statement on, with the index of their first statement; without completed blocks. */
export function blocksFrom({ blocks }: Section, from: number): (Block & { first: number })[] {
  let next = 0;
  return blocks.flatMap(({ statements, transaction }) => {
    const begin = next;
    next += statements.length;
    const first = Math.max(begin, from);
    const remaining = statements.slice(first - begin);
    return remaining.length > 0 ? [{ statements: remaining, transaction, first }] : [];
  });
}

/** Throws unless the file begins with an up part, and each down part follows an up part. */
function checkMarkers(file: string, text: string, markers: RegExpExecArray[]): void {
  const [first] = markers;
  if (first?.[1] !== "up") throw new SqlFileError(`${file}: has no line "-- migrate:up" at its beginning`);
  const lost = skipBlank(text.slice(0, first.index));
  if (lost < first.index)
    throw errorAt(file, text, lost, 'a statement before "-- migrate:up" never runs; move it below this line');
  const second = markers.find((marker, i) => marker[1] === "down" && markers[i - 1]?.[1] === "down");
  if (second) throw errorAt(file, text, second.index, 'has more than one "-- migrate:down" for one "-- migrate:up"');
}

/** A down part has to be valid only when it runs. */
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
      `${file}: the name does not begin with a version in digits; write a name such as 20250701000100_tables.sql`,
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

/** Longest list of problems of a folder. */
const SHOWN = 20;

/** Combines the problems of all files into one error. */
function combineErrors(problems: Error[]): Error {
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
  if (problems.length > 0) throw combineErrors(problems);
  const parsed = tried.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  parsed.sort((a, b) => (BigInt(a.version) < BigInt(b.version) ? -1 : 1));
  parsed.forEach((migration, i) => {
    const next = parsed[i + 1];
    if (next && sameVersion(next.version, migration.version)) {
      throw new SqlFileError(`${next.file}: ${migration.file} has the same version; give one of them another version`);
    }
  });
  return parsed;
}

/** Hash of each file to apply, by name; `target` is the newest version to apply. */
export function wantedMigrations(files: Record<string, string>, target?: string): Record<string, string> {
  const wanted = Object.entries(files).filter(([file]) => {
    const version = parseFileName(file)?.version;
    return target === undefined || version === undefined || BigInt(version) <= BigInt(target);
  });
  return Object.fromEntries(wanted.map(([file, text]) => [file, hashOf(text)]));
}
