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

/** An error in a file of SQL, with file and line. */
export class SqlFileError extends Error {}

/** Must be called once before splitStatements. */
export const loadParser = loadModule;

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

/** PostgreSQL counts characters, JavaScript counts UTF-16 units. */
function offsetOf(text: string, characters: number): number {
  return Array.from(text).slice(0, Math.max(characters, 0)).join("").length;
}

/** Offset of the first token, after white space and (nested) comments. Calls `comment` with the offset of each `--` comment. */
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

/** An error about the text at an offset of a file. */
export function errorAt(file: string, text: string, offset: number, problem: string): SqlFileError {
  return new SqlFileError(`${file}:${lineAt(text, offset)}: ${problem}`);
}

interface Parsed {
  stmts?: { stmt: Node; stmt_location?: number; stmt_len?: number }[];
}

/** A statement with its parse tree and its offsets in the file. */
export interface ParsedStatement extends SqlStatement {
  tree: Node;
  /** Offset of the white space and comments before it. */
  from: number;
  /** Offset of its first token. */
  at: number;
}

/** Splits a part of a file into its statements. `refuse` returns the problem of a statement; throws SqlFileError for it. */
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
    const command = /^\\\S*/.exec(text.slice(at))?.[0];
    const problem = command
      ? `${command} is a command of psql, not SQL; write the equivalent SQL`
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

/** Removes the text of a string or comment from a syntax error: it may be a secret, or the rest of the file. */
const withoutLiteral = (message: string): string =>
  message
    .replace(/^(unterminated .+?) at or near "[^]*$/, "$1")
    .replace(/ at or near "(?:[bexn]|u&)?['$][^]*$/i, " at or near a string constant");

/** Why a statement needs a client that sends or receives rows, which pgwright is not; undefined if it does not. */
export function needsClient(tree: Node): string | undefined {
  const copy = tree.CopyStmt as { filename?: string; is_program?: boolean; is_from?: boolean } | undefined;
  if (!copy || copy.filename || copy.is_program) return undefined;
  return copy.is_from
    ? "COPY FROM STDIN needs a client that sends the rows; use INSERT, or COPY from a file on the server"
    : "COPY TO STDOUT needs a client that receives the rows";
}

/** The kind of a statement that begins or ends a transaction; undefined for savepoints and other statements. */
export function transactionKind(tree: Node): string | undefined {
  const kind = (tree.TransactionStmt as { kind: string } | undefined)?.kind;
  return kind && !/SAVEPOINT|RELEASE|ROLLBACK_TO/.test(kind) ? kind : undefined;
}

/** An error of PostgreSQL with file, line and SQLSTATE. `more`: further lines, such as the state of the migration. */
export function located(file: string, statement: SqlStatement, error: DatabaseError, more: string[] = []): Error {
  const before = Array.from(statement.sql).slice(0, Math.max(Number(error.position ?? 0) - 1, 0));
  const line = statement.line + before.filter((character) => character === "\n").length;
  const state = error.code ? ` (SQLSTATE ${error.code})` : "";
  const details = [error.detail, error.hint, ...more].filter(Boolean).map((each) => `\n  ${each}`);
  return Object.assign(new Error(`${file}:${line}: ${error.message}${state}${details.join("")}`), {
    code: error.code,
  });
}
