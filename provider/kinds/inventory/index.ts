import type { Client } from "pg";
import { z } from "zod";
import { checkedObjectName } from "../../../config/object-name";
import { catalogQuery, readRows } from "../../catalog-query";
import type { Host } from "../../host";
import type { Kind, Operation } from "../../kind";
import { whyDown } from "../../readiness";
import { isNoDatabase, withDatabase } from "../../session";
import { declaration, type InventoryInputs } from "./inputs";

/** Entries that were declared and are not any more. */
const undeclared = <T>(former: Record<string, T>, now: Record<string, T>) =>
  Object.entries(former).filter(([name]) => !(name in now));

export const DATABASE_CONTENTS = catalogQuery("database-contents", {
  tables: z.number(),
  size: z.string(),
  sessions: z.number(),
});
export const TIERED_TABLE_CONTENTS = catalogQuery("tiered-table-contents", { row_count: z.string(), size: z.string() });
export const EXTENSION_DEPENDENTS = catalogQuery("extension-dependents", {
  extension: z.string(),
  dependents: z.array(z.string()),
});

async function inDatabase<T>({ host }: Operation, database: string, use: (client: Client) => Promise<T>) {
  try {
    return (await whyDown(host)) ? undefined : await withDatabase(host, database, use);
  } catch (error) {
    if (isNoDatabase(error)) return undefined;
    throw error;
  }
}

async function explainDatabase(database: string, operation: Operation): Promise<void> {
  const [found] = (await inDatabase(operation, database, (client) => readRows(client, DATABASE_CONTENTS))) ?? [];
  const { tables, size, sessions } = found ?? {};
  const what = found ? `, ${tables} ${tables === 1 ? "table" : "tables"}, ${size}` : "";
  const connected = sessions ? `; ${sessions === 1 ? "a session is" : `${sessions} sessions are`} terminated` : "";
  operation.hazard("loss", `database ${database} is dropped with all its objects${what}${connected}`);
}

async function explainTiers(database: string, tiers: [string, string][], operation: Operation): Promise<void> {
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

async function explainExtensions(database: string, extensions: string[], operation: Operation): Promise<void> {
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

async function isOnEngine(host: Host, object: string): Promise<boolean> {
  const [kind = "", name = ""] = object.split(" ");
  if (kind === "container") return (await host.inspect(name)) !== undefined;
  const list = [kind, "ls", "--format", "{{.Name}}", "--filter", `name=${name}`];
  return (await host.docker(list)).toString().split("\n").includes(name);
}

/**
 * Refuses Docker objects that exist on the engine and not in the state: Docker would use an existing volume of the same name, and a
 * destroy would remove it. All Docker objects of the stack depend on this resource, so the check runs before any is created.
 */
async function mustBeOurs(
  old: InventoryInputs | undefined,
  inputs: InventoryInputs,
  { host }: Operation,
): Promise<void> {
  if (old && !old.objects) return; // an earlier version has created them
  const added = (inputs.objects ?? []).filter((object) => !old?.objects?.includes(object));
  const exist = await Promise.all(added.map((object) => isOnEngine(host, object)));
  const problems = added.flatMap((object, i) => {
    const [kind = "", name = ""] = object.split(" ");
    const volume = inputs.volumes[name];
    if (!exist[i] || volume?.kept) return [];
    const problem = `${object}: it exists on the Docker engine, but not in the state of this stack; `;
    if (volume && kind === "volume")
      return [
        `${problem}write backup.keep: true to use it and never remove it, or declare it as volume in the stack file`,
      ];
    return [`${problem}remove it (docker ${kind} rm ${name}) or choose another stack`];
  });
  if (problems.length > 0) throw new Error(problems.join("\n"));
}

/**
 * The declared objects of a stack that are removed with their data once they are undeclared. Pulumi does not call the provider in the
 * preview of a delete, so this resource reports the loss of data.
 */
export const inventory: Kind<InventoryInputs, InventoryInputs> = {
  declaration,
  async explain(old, inputs, operation) {
    await mustBeOurs(old, inputs, operation);
    for (const [database, former] of Object.entries(old?.databases ?? {})) {
      const now = inputs.databases[database];
      if (!now) {
        await explainDatabase(database, operation);
        continue;
      }
      await explainTiers(database, undeclared(former.tiers, now.tiers), operation);
      const extensions = former.extensions.filter((each) => !now.extensions.includes(each));
      await explainExtensions(database, extensions, operation);
    }
    for (const [volume, { holds, kept }] of undeclared(old?.volumes ?? {}, inputs.volumes))
      if (!kept) operation.hazard("loss", `volume ${volume} is removed, with ${holds}`);
  },
  create: async (inputs, { name }) => ({ id: name, state: inputs }),
  read: async (_id, state) => state,
  update: async (_id, _old, inputs) => inputs,
  delete: async () => undefined,
};
