import type { Client, DatabaseError } from "pg";
import {
  loadParser,
  located,
  needsClient,
  splitStatements,
  SqlFileError,
  transactionKind,
  type Node,
  type SqlStatement,
} from "../../sql-file";

/** A file of SQL and what is in it. */
export interface SqlFile {
  file: string;
  sql: string;
}

/** A file that masks a copy, in its statements. */
export interface Mask {
  file: string;
  statements: SqlStatement[];
}

function refusal(tree: Node): string | undefined {
  return transactionKind(tree)
    ? "each statement is run by itself, and the copy is dropped if one fails: leave BEGIN and COMMIT out"
    : needsClient(tree);
}

/** Splits the files that mask a copy, and refuses what could not be run. */
export async function parseMasks(files: SqlFile[]): Promise<Mask[]> {
  await loadParser();
  return files.map(({ file, sql }) => {
    const statements = splitStatements(file, sql.replaceAll("\r\n", "\n"), refusal);
    if (statements.length === 0) throw new SqlFileError(`${file}: there is no statement in it`);
    return { file, statements };
  });
}

/** Such as "sql/mask.sql (3 statements)". */
export function describeMasks(masks: Mask[]): string {
  return masks
    .map(({ file, statements: { length } }) => `${file} (${length === 1 ? "1 statement" : `${length} statements`})`)
    .join(", ");
}

/** Runs the files. */
export async function runMasks(client: Client, masks: Mask[]): Promise<void> {
  for (const { file, statements } of masks) {
    for (const statement of statements) {
      try {
        await client.query(statement.sql);
      } catch (error) {
        throw located(file, statement, error as DatabaseError);
      }
    }
  }
}
