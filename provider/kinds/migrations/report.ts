import type { Operation } from "../../kind";
import type { Host } from "../../host";
import { whyDown } from "../../readiness";
import { ask, isNoDatabase, withDatabase } from "../../session";
import type { MigrationsInputs } from "./inputs";
import { NOTHING, readCatalog, type Catalog } from "./locks/catalog";
import { LockAnalysis } from "./locks/lock-analysis";
import { describePending, remainingSteps, type Pending } from "./pending";
import { findForbidden, readRoleFact } from "./run/permitted";
import { readSchemas, setsSearchPath, type Qualify } from "./run/search-path";
import type { StatementOperation } from "./statements/statement-operations";

interface CatalogFacts {
  /** Undefined if it cannot be read. */
  catalog?: Catalog;
  qualify: Qualify;
}

/** Reads the catalog for the tables of the operations. A new database, or a copy, has no users yet: its catalog is NOTHING. */
async function readCatalogFacts(
  database: string,
  operations: StatementOperation[],
  path: string[],
  isNew: boolean,
  host: Host,
): Promise<CatalogFacts> {
  const qualify: Qualify = (operation) => operation;
  const nothing = { catalog: NOTHING, qualify };
  if (operations.length === 0) return nothing;
  if (await whyDown(host)) return isNew ? nothing : { qualify };
  try {
    return await withDatabase(host, database, async (client) => {
      const found = await readSchemas(client, operations, path);
      return { catalog: await readCatalog(client, operations.map(found)), qualify: found };
    });
  } catch (error) {
    if (isNoDatabase(error)) return nothing;
    throw error;
  }
}

/** Reports the pending files, and the locks and losses that they cause on existing tables. */
export async function explainPending(
  pending: Pending[],
  { database, role, searchPath = [] }: MigrationsInputs,
  isNew: boolean,
  operation: Operation,
): Promise<void> {
  const fact = await ask(operation.host, "postgres", (client) => readRoleFact(client, role), undefined);
  const problem = findForbidden(pending, role, fact);
  if (problem) throw new Error(problem);
  const statements = pending.flatMap(({ section, from }) => section.statements.slice(from));
  const path = statements.some(setsSearchPath) ? [] : searchPath;
  const operations = statements.flatMap((statement) => statement.operations);
  const { catalog, qualify } = await readCatalogFacts(database, operations, path, isNew, operation.host);
  if (!catalog)
    operation.info(
      `database ${database}: sizes of tables are unknown, because the server is down or a session holds a lock on a table`,
    );
  const analysis = new LockAnalysis(database, catalog, path.length > 0);
  for (const each of pending) {
    operation.info(describePending(each, fact?.superuser ? `${role}, a superuser` : role));
    const findings = remainingSteps(each, qualify).flatMap(({ steps, transaction }) =>
      analysis.analyze(steps, transaction),
    );
    for (const { hazard, text } of findings) {
      if (hazard) operation.hazard(hazard, text);
      else operation.info(text);
    }
  }
}
