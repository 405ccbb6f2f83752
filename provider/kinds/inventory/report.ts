import type { Client } from "pg";
import { checkedObjectName } from "../../../config/object-name";
import { readRows } from "../../catalog-query";
import type { Operation } from "../../kind";
import { inDatabase, DATABASE_CONTENTS, TIERED_TABLE_CONTENTS, EXTENSION_DEPENDENTS } from "./catalog";

/** Entries that were declared and are not any more. */
export const undeclared = <T>(former: Record<string, T>, now: Record<string, T>) =>
  Object.entries(former).filter(([name]) => !(name in now));

export async function explainDatabase(database: string, operation: Operation): Promise<void> {
  const [found] = (await inDatabase(operation, database, (client) => readRows(client, DATABASE_CONTENTS))) ?? [];
  const { tables, size, sessions } = found ?? {};
  const what = found ? `, ${tables} ${tables === 1 ? "table" : "tables"}, ${size}` : "";
  const connected = sessions ? `; ${sessions === 1 ? "a session is" : `${sessions} sessions are`} terminated` : "";
  operation.hazard("loss", `database ${database} is dropped with all its objects${what}${connected}`);
}

export async function explainTiers(database: string, tiers: [string, string][], operation: Operation): Promise<void> {
  for (const [table, becomes] of tiers) {
    if (becomes === "keep") continue;
    const { schema, name } = checkedObjectName(table);
    const read = (client: Client) => readRows(client, TIERED_TABLE_CONTENTS, schema, name);
    const [found] = (await inDatabase(operation, database, read)) ?? [];
    const what = found ? `, about ${found.row_count} rows, ${found.size}` : "";
    operation.hazard("loss", `tiered table ${table} of database ${database} is dropped with its rows${what}`);
  }
}

/** Most objects that a message names. */
const NAMED = 10;

export async function explainExtensions(database: string, extensions: string[], operation: Operation): Promise<void> {
  if (extensions.length === 0) return;
  const read = (client: Client) => readRows(client, EXTENSION_DEPENDENTS, extensions);
  const found = await inDatabase(operation, database, read);
  for (const { extension, dependents } of found ?? []) {
    const more = dependents.length > NAMED ? ` and ${dependents.length - NAMED} more` : "";
    operation.warn(
      `extension ${extension} of database ${database} cannot be dropped while it is used by ` +
        `${dependents.slice(0, NAMED).join(", ")}${more}: the update fails unless a pending migration drops these objects`,
    );
  }
}
