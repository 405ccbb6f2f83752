import { loadModule, parseSync } from "libpg-query";
import type { DatabaseError } from "pg";

// A file of SQL, split into its statements by PostgreSQL's own parser.

/** A parse tree: one key, the type of the node. */
export type Node = Record<string, unknown>;

export interface SqlStatement {
  sql: string;
  /** Line of the file that it begins on, from 1. */
  line: number;
}

/** A file that is not what it should be, and where. */
export class SqlFileError extends Error {}

/** The parser has to be loaded once before anything is split. */
export const loadParser = loadModule;

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

/** PostgreSQL counts characters, JavaScript counts UTF-16 units. */
function offsetOf(text: string, characters: number): number {
  return Array.from(text).slice(0, Math.max(characters, 0)).join("").length;
}

/** Where the first token is: behind white space and comments, which PostgreSQL nests. `comment` gets each that a line ends. */
export function skipBlank(text: string, comment?: (at: number) => void): number {
  let at = 0;
  for (;;) {
    const blank = /^(\s+|--[^\n]*)/.exec(text.slice(at, at + 10_000))?.[0].length ?? 0;
    if (text.startsWith("--", at)) comment?.(at);
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

/** The error about what stands at an offset of a file. */
export function errorAt(file: string, text: string, offset: number, problem: string): SqlFileError {
  return new SqlFileError(`${file}:${lineAt(text, offset)}: ${problem}`);
}

interface Parsed {
  stmts?: { stmt: Node; stmt_location?: number; stmt_len?: number }[];
}

/** A statement with its parse tree, and where in the file the white space and comments before it begin. */
export interface ParsedStatement extends SqlStatement {
  tree: Node;
  from: number;
  /** Where its first token is. */
  at: number;
}

/** The statements of a part of a file. `refuse` says what is wrong with one. */
export function splitStatements(
  file: string,
  text: string,
  refuse: (tree: Node) => string | undefined,
  from = 0,
  to = text.length,
): ParsedStatement[] {
  const body = text.slice(from, to);
  if (skipBlank(body) === body.length) return [];
  const bytes = Buffer.from(body);
  let parsed: Parsed;
  try {
    parsed = parseSync(body) as Parsed;
  } catch (error) {
    const { cursorPosition = 0 } = (error as { sqlDetails?: { cursorPosition: number } }).sqlDetails ?? {};
    const at = from + offsetOf(body, cursorPosition);
    const word = /^\\\S*/.exec(text.slice(at))?.[0];
    const problem = word
      ? `${word} is a command of psql, not SQL: write what it does as SQL`
      : withoutLiteral((error as Error).message);
    throw errorAt(file, text, at, problem);
  }
  return (parsed.stmts ?? []).map(({ stmt: tree, stmt_location: start = 0, stmt_len: length }) => {
    const whole = bytes.subarray(start, length ? start + length : undefined).toString();
    const blank = skipBlank(whole);
    const begin = from + bytes.subarray(0, start).toString().length;
    const at = begin + blank;
    const problem = refuse(tree);
    if (problem) throw errorAt(file, text, at, problem);
    return { sql: whole.slice(blank), line: lineAt(text, at), tree, from: begin, at };
  });
}

/** A syntax error without the text of a string or comment, which may be the rest of the file, or a secret. */
const withoutLiteral = (message: string): string =>
  message
    .replace(/^(unterminated .+?) at or near "[^]*$/, "$1")
    .replace(/ at or near "(?:[bexn]|u&)?['$][^]*$/i, " at or near a string constant");

/** Says why a statement needs a client that we are not. */
export function needsClient(tree: Node): string | undefined {
  const copy = tree.CopyStmt as { filename?: string; is_program?: boolean; is_from?: boolean } | undefined;
  if (!copy || copy.filename || copy.is_program) return undefined;
  return copy.is_from
    ? "COPY FROM STDIN needs a client that sends the rows: write INSERT, or COPY from a file of the server"
    : "COPY TO STDOUT needs a client that takes the rows";
}

/** The kind of a statement that begins or ends a transaction; savepoints do not. */
export function transactionKind(tree: Node): string | undefined {
  const kind = (tree.TransactionStmt as { kind: string } | undefined)?.kind;
  return kind && !/SAVEPOINT|RELEASE|ROLLBACK_TO/.test(kind) ? kind : undefined;
}

/** An error of PostgreSQL with file, line and SQLSTATE; `more` says how things stand now. */
export function located(file: string, statement: SqlStatement, error: DatabaseError, more: string[] = []): Error {
  const before = Array.from(statement.sql).slice(0, Math.max(Number(error.position ?? 0) - 1, 0));
  const line = statement.line + before.filter((character) => character === "\n").length;
  const state = error.code ? ` (SQLSTATE ${error.code})` : "";
  const details = [error.detail, error.hint, ...more].filter(Boolean).map((each) => `\n  ${each}`);
  return Object.assign(new Error(`${file}:${line}: ${error.message}${state}${details.join("")}`), {
    code: error.code,
  });
}
