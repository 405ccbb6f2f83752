import { needsClient, transactionKind, type Node } from "../../sql-file";
import { outsideTransaction } from "../transaction-block";
import { node, type Relation } from "./tree";

// Pure: which statements a migration may hold, and where, from their parse trees.

/** Says why a migration cannot hold this statement at all. */
export function refusal(stmt: Node): string | undefined {
  const client = needsClient(stmt);
  if (client) return client;
  if (transactionKind(stmt)) {
    return "transactions begin and end with the file; transaction:false beside -- migrate:up runs each statement by itself";
  }
  const index = node<{ concurrent?: boolean; idxname?: string; relation: Relation }>(stmt, "IndexStmt");
  if (index?.concurrent && !(index.idxname && index.relation.schemaname)) {
    return "name the index and the table's schema: CREATE INDEX CONCURRENTLY name ON schema.table, so that a failed one can be cleared away";
  }
  return undefined;
}

/** Says that a statement cannot run inside a transaction, which the file begins. */
export function needsNoTransaction(stmt: Node): string | undefined {
  const command = outsideTransaction(stmt);
  return command && `${command} cannot run inside a transaction: write transaction:false beside -- migrate:up`;
}

/** The index that CREATE INDEX CONCURRENTLY makes; `refusal` has seen to it that all is named. */
export function concurrentIndexOf(stmt: Node): { schema: string; name: string } | undefined {
  const index = node<{ concurrent?: boolean; idxname?: string; relation: Relation }>(stmt, "IndexStmt");
  if (!index?.concurrent || !index.idxname) return undefined;
  return { schema: index.relation.schemaname ?? "", name: index.idxname };
}
