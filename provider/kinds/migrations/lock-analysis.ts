import { quoteIdentifier } from "../../../config/object-name";
import type { Hazard } from "../../hazard";
import { NOTHING, type Amount, type Catalog, type Table } from "./catalog";
import { costsOf, describeCosts, recipesOf } from "./cost";
import type { StatementOperation } from "./statement-operations";

// Pure: what pending migrations mean for those who use the tables that are there.

/** A statement on its way. */
export interface Step {
  /** File and line. */
  at: string;
  operations: StatementOperation[];
  /** Reads or writes rows, for as long as that takes. */
  runs: boolean;
}

export interface Finding {
  /** Undefined: nobody waits or loses anything, and yet it is good to know. */
  hazard?: Hazard;
  text: string;
}

const about = (rows: number | null) =>
  rows === null ? "rows that nobody has counted" : `about ${rows.toLocaleString("en-US")} rows`;
const held = ({ rows, size }: Amount) => `${about(rows)} (${size})`;

/** What an operation means, once it is known whether its locks stay for work that follows. */
interface Pending {
  /** There is work to do, which takes the longer the more rows there are. */
  lasts: boolean;
  tell(stays: boolean): Finding;
}

/** A statement that changes more rows than these should do so in batches. */
const MANY_ROWS = 100_000;

const noted = (text: string): Pending => ({ lasts: false, tell: () => ({ text }) });
const lost = (text: string): Pending => ({ lasts: false, tell: () => ({ hazard: "loss", text }) });

/** Walks through the statements, and knows which tables there are by then. `catalog` is undefined where it cannot be read. */
export class LockAnalysis {
  private readonly tables: Map<string, Table>;
  private readonly made = new Set<string>();

  constructor(
    private readonly database: string,
    private readonly catalog: Catalog | undefined,
    /** Names without a schema were looked up by the search_path, so that those that are left are of nothing that is there. */
    private readonly resolved = false,
  ) {
    const found = Object.entries(catalog?.tables ?? {});
    this.tables = new Map(found.flatMap(([name, table]) => (table ? [[name, structuredClone(table)]] : [])));
  }

  /** What the statements of one file mean. */
  of(steps: Step[], transaction: boolean): Finding[] {
    const found = steps.map(({ at, operations, runs }) => {
      let lasts = runs;
      const all = operations.flatMap((operation) => {
        lasts ||= operation.kind === "validate" && this.used(operation.on) !== undefined;
        const each = this.find(operation, at);
        this.happens(operation);
        return each;
      });
      return { all, lasts: lasts || all.some((each) => each.lasts) };
    });
    return found.flatMap(({ all }, i) => {
      const stays = transaction && found.slice(i + 1).some(({ lasts }) => lasts);
      return all.map((each) => each.tell(stays));
    });
  }

  private readonly named = (what: string) => `${what} in database ${this.database}`;

  /** A table that holds rows; "unknown" where that cannot be told, undefined if it is new, empty, or no table. */
  private used(name: string): Table | "unknown" | undefined {
    if (this.made.has(name)) return undefined;
    const table = this.tables.get(name);
    // Without a schema it depends on the search_path that the file sets.
    const sure = this.resolved || name.includes(".");
    if (!table) return this.catalog === NOTHING || (this.catalog && sure) ? undefined : "unknown";
    return table.empty || !["r", "p", "m"].includes(table.kind) ? undefined : table;
  }

  private find(operation: StatementOperation, at: string): Pending[] {
    if (operation.kind === "lock") return this.lock(operation, at);
    if (operation.kind === "drop schema") return this.dropSchema(operation.schema, at);
    if (operation.kind === "backfill" || operation.kind === "write") return this.rows(operation, at);
    const remainder = operation.kind === "remainder" ? this.tables.get(operation.on)?.remainder : undefined;
    if (remainder)
      return this.lock({ kind: "lock", on: remainder, mode: "ACCESS EXCLUSIVE", work: [{ does: "attach" }] }, at);
    return [...this.loss(operation, at), ...(operation.kind === "drop" ? this.parentOf(operation.on, at) : [])];
  }

  private loss(operation: StatementOperation & { on: string }, at: string): Pending[] {
    const table = this.used(operation.on);
    const known = table !== "unknown" && table;
    const name = this.named(operation.on);
    const rows = known ? held(known) : "its rows";
    const loss = (text: string): Pending[] => (table ? [lost(`${text}: ${at}`)] : []);
    switch (operation.kind) {
      case "drop":
        // A materialized view can be filled again.
        return known && known.kind === "m" ? [] : loss(`${name} is dropped with ${rows}`);
      case "drop column":
        if (known && !known.columns[operation.column]) return []; // IF EXISTS, or added by the same files
        return loss(`column ${quoteIdentifier(operation.column)} of ${name} is dropped, of ${rows}`);
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

  /** Rows that are changed, as far as that is worth a word. */
  private rows(operation: StatementOperation & { kind: "backfill" | "write" }, at: string): Pending[] {
    const table = this.used(operation.on);
    if (!table) return [];
    const name = this.named(operation.on);
    const amount = table === "unknown" ? "rows" : held(table);
    if (operation.kind === "backfill") {
      const does = operation.verb === "UPDATE" ? "backfills" : "deletes from";
      return [noted(`${at} ${does} ${name} in batches: ${amount}; locks only the rows of a batch`)];
    }
    if (table === "unknown" || (table.rows ?? 0) <= MANY_ROWS) return [];
    if (operation.equal.some((column) => table.columns[column]?.unique)) return []; // one row
    const text = `${at} is one ${operation.verb} of ${name}: ${amount}; those that it changes stay locked to its end. In batches: -- pgwright:batch before it, with transaction:false`;
    return [noted(text)];
  }

  /** Whoever drops a partition locks the table that it belongs to. */
  private parentOf(name: string, at: string): Pending[] {
    const parent = this.tables.get(name)?.partitionOf;
    return parent ? this.lock({ kind: "lock", on: parent, mode: "ACCESS EXCLUSIVE", work: [] }, at) : [];
  }

  private lock({ on, mode, work }: StatementOperation & { kind: "lock" }, at: string): Pending[] {
    const table = this.used(on);
    if (!table) return [];
    const who = mode === "ACCESS EXCLUSIVE" ? "reads and writes" : "writes";
    const known = table !== "unknown" && this.catalog;
    const costs = known
      ? describeCosts(costsOf(work, table, this.catalog))
      : work.length > 0
        ? ["may go through all of it"]
        : [];
    const instead = known ? recipesOf(work, table, this.catalog) : [];
    const amount = table === "unknown" ? "" : ` (${table.size}, ${about(table.rows)})`;
    const text = `${who} of ${this.named(on)} wait${amount}: ${at} takes ${mode}`;
    const tell = (stays: boolean): Finding => {
      const does = [...costs, ...(stays ? ["keeps the lock to the end of the file"] : [])];
      if (does.length === 0) return { hazard: "briefLock", text: `${text} for a moment` };
      const how = costs.length === 0 ? ["a file of its own for what takes time"] : instead;
      const hint = how.length > 0 ? `; instead: ${how.join("; ")}` : "";
      return { hazard: "lock", text: [text, ...does].join(", and ") + hint };
    };
    return [{ lasts: costs.length > 0, tell }];
  }

  private dropSchema(schema: string, at: string): Pending[] {
    const found = this.catalog?.schemas[schema];
    const name = this.named(`schema ${quoteIdentifier(schema)}`);
    if (!this.catalog) return [lost(`${name} is dropped with all that it holds: ${at}`)];
    if (!found || found.empty) return [];
    const tables = found.tables === 1 ? "1 table" : `${found.tables} tables`;
    return [lost(`${name} is dropped with ${tables}, ${held(found)}: ${at}`)];
  }

  /** From here on things are as the statement leaves them. */
  private happens(operation: StatementOperation): void {
    if (!("on" in operation)) return this.goes((name) => name.startsWith(`${quoteIdentifier(operation.schema)}.`));
    const table = this.tables.get(operation.on);
    if (operation.kind === "make" && !(operation.unlessThere && table)) this.made.add(operation.on);
    if (operation.kind === "drop") this.goes((name) => name === operation.on);
    if (operation.kind === "rename") {
      if (table) this.tables.set(operation.to, table);
      if (this.made.has(operation.on)) this.made.add(operation.to);
      this.goes((name) => name === operation.on);
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

  private goes(which: (name: string) => boolean): void {
    for (const name of [...this.tables.keys()].filter(which)) this.tables.delete(name);
    for (const name of [...this.made].filter(which)) this.made.delete(name);
  }
}
