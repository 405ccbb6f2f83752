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

/** A SQL file and its text. */
export interface SqlFile {
  file: string;
  sql: string;
}

/** A file that masks a copy, split into statements. */
export interface Mask {
  file: string;
  statements: SqlStatement[];
}

function refusal(tree: Node): string | undefined {
  return transactionKind(tree)
    ? "pgwright commits each statement separately, and drops the copy if one fails; remove BEGIN and COMMIT"
    : needsClient(tree);
}

/** Splits the files that mask a copy into statements. Throws SqlFileError for a statement that cannot run. */
export async function parseMasks(files: SqlFile[]): Promise<Mask[]> {
  await loadParser();
  return files.map(({ file, sql }) => {
    const statements = splitStatements(file, sql.replaceAll("\r\n", "\n"), refusal);
    if (statements.length === 0) throw new SqlFileError(`${file}: the file has no statement`);
    return { file, statements };
  });
}

/** Such as "sql/mask.sql (3 statements)". */
export function describeMasks(masks: Mask[]): string {
  return masks
    .map(({ file, statements: { length } }) => `${file} (${length === 1 ? "1 statement" : `${length} statements`})`)
    .join(", ");
}

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
