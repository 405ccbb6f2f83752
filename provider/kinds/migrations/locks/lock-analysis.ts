import { quoteIdentifier } from "../../../../config/object-name";
import { formatCount } from "../../../format-count";
import type { Hazard } from "../../../hazard";
import { NOTHING, type Amount, type Catalog, type Table } from "./catalog";
import { costsOf, describeCosts, recipesOf } from "./cost";
import type { StatementOperation } from "../statements/statement-operations";

// Pure: the locks and losses that pending migrations cause on existing tables.

/** A pending statement. */
export interface Step {
  /** File and line. */
  at: string;
  operations: StatementOperation[];
  /** Reads or writes rows, so that its duration depends on their number. */
  runs: boolean;
}

export interface Finding {
  /** Undefined: information only. */
  hazard?: Hazard;
  text: string;
}

const rowCount = (rows: number | null) =>
  rows === null ? "an unknown number of rows" : `about ${formatCount(rows)} rows`;
const amountOf = ({ rows, size }: Amount) => `${rowCount(rows)} (${size})`;

/** A finding whose text depends on whether long work follows under the same lock. */
interface PendingFinding {
  /** Its work takes longer the more rows there are. */
  lasts: boolean;
  finding(lockStays: boolean): Finding;
}

/** A statement that changes more rows than this should run in batches. */
const MANY_ROWS = 100_000;

const infoOnly = (text: string): PendingFinding => ({ lasts: false, finding: () => ({ text }) });
const dataLoss = (text: string): PendingFinding => ({ lasts: false, finding: () => ({ hazard: "loss", text }) });

/** Analyzes statements in their order, with the tables as they are at each of them. `catalog` is undefined if it cannot be read. */
export class LockAnalysis {
  private readonly tables: Map<string, Table>;
  private readonly created = new Set<string>();

  constructor(
    private readonly database: string,
    private readonly catalog: Catalog | undefined,
    /** Unqualified names were resolved by search_path: a name that is still unqualified is of no existing table. */
    private readonly resolved = false,
  ) {
    const found = Object.entries(catalog?.tables ?? {});
    this.tables = new Map(found.flatMap(([name, table]) => (table ? [[name, structuredClone(table)]] : [])));
  }

  /** The findings of the statements of one block. */
  analyze(steps: Step[], transaction: boolean): Finding[] {
    const found = steps.map(({ at, operations, runs }) => {
      let lasts = runs;
      const all = operations.flatMap((operation) => {
        lasts ||= operation.kind === "validate" && this.used(operation.on) !== undefined;
        const each = this.findingsOf(operation, at);
        this.applyOperation(operation);
        return each;
      });
      return { all, lasts: lasts || all.some((each) => each.lasts) };
    });
    return found.flatMap(({ all }, i) => {
      const lockStays = transaction && found.slice(i + 1).some(({ lasts }) => lasts);
      return all.map((each) => each.finding(lockStays));
    });
  }

  private readonly named = (object: string) => `${object} in database ${this.database}`;

  /** An existing table with rows; "unknown" if that cannot be read, undefined if it is new, empty, or not a table. */
  private used(name: string): Table | "unknown" | undefined {
    if (this.created.has(name)) return undefined;
    const table = this.tables.get(name);
    // An unqualified name depends on a search_path that the file sets.
    const isResolved = this.resolved || name.includes(".");
    if (!table) return this.catalog === NOTHING || (this.catalog && isResolved) ? undefined : "unknown";
    return table.empty || !["r", "p", "m"].includes(table.kind) ? undefined : table;
  }

  private findingsOf(operation: StatementOperation, at: string): PendingFinding[] {
    if (operation.kind === "lock") return this.lock(operation, at);
    if (operation.kind === "drop schema") return this.dropSchema(operation.schema, at);
    if (operation.kind === "backfill" || operation.kind === "write") return this.rows(operation, at);
    const remainder = operation.kind === "remainder" ? this.tables.get(operation.on)?.remainder : undefined;
    if (remainder)
      return this.lock({ kind: "lock", on: remainder, mode: "ACCESS EXCLUSIVE", work: [{ does: "attach" }] }, at);
    return [...this.loss(operation, at), ...(operation.kind === "drop" ? this.parentOf(operation.on, at) : [])];
  }

  private loss(operation: StatementOperation & { on: string }, at: string): PendingFinding[] {
    const table = this.used(operation.on);
    const known = table !== "unknown" && table;
    const name = this.named(operation.on);
    const rows = known ? amountOf(known) : "its rows";
    const loss = (text: string): PendingFinding[] => (table ? [dataLoss(`${text}: ${at}`)] : []);
    switch (operation.kind) {
      case "drop":
        // A materialized view can be refreshed from its query.
        return known && known.kind === "m" ? [] : loss(`${name} is dropped with ${rows}`);
      case "drop column":
        if (known && !known.columns[operation.column]) return []; // IF EXISTS, or added by the same files
        return loss(`column ${quoteIdentifier(operation.column)} of ${name} is dropped, with the values of ${rows}`);
      case "truncate":
        return loss(
          `${name} is emptied of ${rows}${operation.cascade ? ", and so are all tables that refer to it" : ""}`,
        );
      case "delete":
        return loss(`${name} is emptied of ${rows}, by a DELETE without WHERE`);
      default:
        return [];
    }
  }

  /** A line about changed rows, if they are many or change in batches. */
  private rows(operation: StatementOperation & { kind: "backfill" | "write" }, at: string): PendingFinding[] {
    const table = this.used(operation.on);
    if (!table) return [];
    const name = this.named(operation.on);
    const amount = table === "unknown" ? "rows" : amountOf(table);
    if (operation.kind === "backfill") {
      const does = operation.verb === "UPDATE" ? "backfills" : "deletes from";
      return [infoOnly(`${at} ${does} ${name} in batches: ${amount}; locks only the rows of a batch`)];
    }
    if (table === "unknown" || (table.rows ?? 0) <= MANY_ROWS) return [];
    if (operation.equal.some((column) => table.columns[column]?.unique)) return []; // one row
    const text = `${at} is one ${operation.verb} of ${name}: ${amount}; changed rows stay locked until it ends; to run it in batches, write -- pgwright:batch before it, with transaction:false`;
    return [infoOnly(text)];
  }

  /** DROP of a partition locks its partitioned table too. */
  private parentOf(name: string, at: string): PendingFinding[] {
    const parent = this.tables.get(name)?.partitionOf;
    return parent ? this.lock({ kind: "lock", on: parent, mode: "ACCESS EXCLUSIVE", work: [] }, at) : [];
  }

  private lock({ on, mode, work }: StatementOperation & { kind: "lock" }, at: string): PendingFinding[] {
    const table = this.used(on);
    if (!table) return [];
    const waiting = mode === "ACCESS EXCLUSIVE" ? "reads and writes" : "writes";
    const known = table !== "unknown" && this.catalog;
    const costs = known
      ? describeCosts(costsOf(work, table, this.catalog))
      : work.length > 0
        ? ["may scan the table"]
        : [];
    const instead = known ? recipesOf(work, table, this.catalog) : [];
    const amount = table === "unknown" ? "" : ` (${table.size}, ${rowCount(table.rows)})`;
    const text = `${waiting} of ${this.named(on)} wait${amount}: ${at} takes ${mode}`;
    const finding = (lockStays: boolean): Finding => {
      const reasons = [...costs, ...(lockStays ? ["keeps the lock to the end of the file"] : [])];
      if (reasons.length === 0) return { hazard: "briefLock", text: `${text} for a moment` };
      const alternatives = costs.length === 0 ? ["move the long statements to a file of their own"] : instead;
      const hint = alternatives.length > 0 ? `; instead: ${alternatives.join("; ")}` : "";
      return { hazard: "lock", text: [text, ...reasons].join(", and ") + hint };
    };
    return [{ lasts: costs.length > 0, finding }];
  }

  private dropSchema(schema: string, at: string): PendingFinding[] {
    const found = this.catalog?.schemas[schema];
    const name = this.named(`schema ${quoteIdentifier(schema)}`);
    if (!this.catalog) return [dataLoss(`${name} is dropped with all its objects: ${at}`)];
    if (!found || found.empty) return [];
    const tables = found.tables === 1 ? "1 table" : `${found.tables} tables`;
    return [dataLoss(`${name} is dropped with ${tables}, ${amountOf(found)}: ${at}`)];
  }

  /** Applies an operation to the known tables, for the statements that follow. */
  private applyOperation(operation: StatementOperation): void {
    if (!("on" in operation)) return this.forget((name) => name.startsWith(`${quoteIdentifier(operation.schema)}.`));
    const table = this.tables.get(operation.on);
    if (operation.kind === "create" && !(operation.ifNotExists && table)) this.created.add(operation.on);
    if (operation.kind === "drop") this.forget((name) => name === operation.on);
    if (operation.kind === "rename") {
      if (table) this.tables.set(operation.to, table);
      if (this.created.has(operation.on)) this.created.add(operation.to);
      this.forget((name) => name === operation.on);
    }
    if (operation.kind === "truncate" && table) table.empty = true;
    if (operation.kind === "check" && table) {
      const expression =
        operation.notNull.map((column) => `${quoteIdentifier(column)} IS NOT NULL`).join(" AND ") || "true";
      table.checks.push({ name: operation.name ?? "", expression, valid: operation.valid });
    }
    if (operation.kind === "validate")
      for (const check of table?.checks ?? []) check.valid ||= check.name === operation.name;
  }

  private forget(matches: (name: string) => boolean): void {
    for (const name of [...this.tables.keys()].filter(matches)) this.tables.delete(name);
    for (const name of [...this.created].filter(matches)) this.created.delete(name);
  }
}
