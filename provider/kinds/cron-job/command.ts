import { loadParser, needsClient, splitStatements, SqlFileError } from "../../sql-file";
import { outsideTransaction } from "../migrations/statements/transaction-block";

/**
 * Why pg_cron cannot run a command in any database; undefined if it can. pg_cron runs the statements of one command in one
 * transaction (ExecuteSqlString in its pg_cron.c), so a statement that cannot run in a transaction must be the only one.
 */
export async function commandProblem(command: string): Promise<string | undefined> {
  await loadParser();
  try {
    const statements = splitStatements("line", command, (tree) =>
      tree.TransactionStmt
        ? "pg_cron refuses BEGIN, COMMIT and savepoints; remove them, since the statements of a job are one transaction"
        : needsClient(tree),
    );
    if (statements.length === 0) return "the command has no statement; write what the job runs";
    const alone = statements.length > 1 && statements.map(({ tree }) => outsideTransaction(tree)).find(Boolean);
    if (!alone) return undefined;
    return (
      `${alone} cannot run inside a transaction, and pg_cron runs the statements of a job in one; declare a separate job for it, ` +
      "and set parameters on the role of the job (roles.NAME.settings)"
    );
  } catch (error) {
    if (error instanceof SqlFileError) return error.message.replace(/^line:(\d+)/, "line $1");
    throw error;
  }
}
