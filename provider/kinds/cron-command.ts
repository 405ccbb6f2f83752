import { loadParser, needsClient, splitStatements, SqlFileError } from "../sql-file";
import { outsideTransaction } from "./transaction-block";

/**
 * Why pg_cron cannot run a command, whatever the database holds; undefined if it may. pg_cron runs the statements of one
 * command in one transaction (ExecuteSqlString in its pg_cron.c), so that some can only stand alone.
 */
export async function commandProblem(command: string): Promise<string | undefined> {
  await loadParser();
  try {
    const statements = splitStatements("line", command, (tree) =>
      tree.TransactionStmt
        ? "pg_cron refuses BEGIN, COMMIT and savepoints; remove them, since the statements of a job are one transaction"
        : needsClient(tree),
    );
    if (statements.length === 0) return "there is no statement in it; write what the job runs";
    const alone = statements.length > 1 && statements.map(({ tree }) => outsideTransaction(tree)).find(Boolean);
    if (!alone) return undefined;
    return (
      `${alone} cannot run inside a transaction, and pg_cron runs the statements of a job in one; give it a job of its own, ` +
      "and parameters to the role of the job (roles.NAME.settings)"
    );
  } catch (error) {
    if (error instanceof SqlFileError) return error.message.replace(/^line:(\d+)/, "line $1");
    throw error;
  }
}
