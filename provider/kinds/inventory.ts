import type { Client } from "pg";
import { parseObjectName } from "../../config/object-name";
import { readSql } from "../../sql/read";
import type { Host } from "../host";
import type { Kind, Operation } from "../kind";
import { whyDown } from "../readiness";
import { isNoDatabase, withDatabase } from "../session";

/** What a database has that holds rows, or that its tables are made with. */
export interface DatabaseInventory {
  extensions: string[];
  /** Tiered tables, schema.name, and what becomes of their rows once they are taken out of the stack file. */
  tiers: Record<string, "keep" | "drop">;
}

export interface InventoryInputs {
  databases: Record<string, DatabaseInventory>;
  /** Volumes of backups and dumps; `kept`: they stay when they are declared no more. */
  volumes: Record<string, { holds: string; kept: boolean }>;
  /** Docker objects that the stack makes beside the data volume, such as "volume NAME". States of earlier versions have none. */
  objects?: string[];
}

/** What was declared and is no more. */
const gone = <T>(former: Record<string, T>, now: Record<string, T>) =>
  Object.entries(former).filter(([name]) => !(name in now));

interface Holding {
  tables: number;
  size: string;
  sessions: number;
}

async function inDatabase<T>({ host }: Operation, database: string, use: (client: Client) => Promise<T>) {
  try {
    return (await whyDown(host)) ? undefined : await withDatabase(host, database, use);
  } catch (error) {
    if (isNoDatabase(error)) return undefined;
    throw error;
  }
}

async function explainDatabase(database: string, operation: Operation): Promise<void> {
  const found = await inDatabase(operation, database, async (client) => {
    const { rows } = await client.query<Holding>(readSql("catalog/database-contents.sql"));
    return rows[0];
  });
  const { tables, size, sessions } = found ?? {};
  const what = found ? `, ${tables} ${tables === 1 ? "table" : "tables"}, ${size}` : "";
  const connected = sessions ? `; ${sessions === 1 ? "a session is" : `${sessions} sessions are`} ended` : "";
  operation.hazard("loss", `database ${database} is dropped with all that is in it${what}${connected}`);
}

async function explainTiers(database: string, tiers: [string, string][], operation: Operation): Promise<void> {
  for (const [table, becomes] of tiers) {
    if (becomes === "keep") continue;
    const { schema, name } = parseObjectName(table)!;
    const found = await inDatabase(operation, database, async (client) => {
      const { rows } = await client.query(readSql("catalog/tiered-table-contents.sql"), [schema, name]);
      return rows[0] as { row_count: string; size: string };
    });
    const what = found ? `, about ${found.row_count} rows, ${found.size}` : "";
    operation.hazard("loss", `tiered table ${table} of database ${database} is dropped with its rows${what}`);
  }
}

/** Objects are named up to this many. */
const NAMED = 10;

async function explainExtensions(database: string, extensions: string[], operation: Operation): Promise<void> {
  if (extensions.length === 0) return;
  const found = await inDatabase(operation, database, async (client) => {
    const { rows } = await client.query(readSql("catalog/extension-dependents.sql"), [extensions]);
    return rows as { extension: string; dependents: string[] }[];
  });
  for (const { extension, dependents } of found ?? []) {
    const more = dependents.length > NAMED ? ` and ${dependents.length - NAMED} more` : "";
    operation.warn(
      `extension ${extension} of database ${database} cannot be dropped while it is used by ` +
        `${dependents.slice(0, NAMED).join(", ")}${more}: unless a pending migration drops those, the update will fail`,
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
 * Refuses Docker objects that are on the engine before this state has made them: Docker takes a volume of the name as it is, writes
 * into it, and a destroy removes it. All that the stack makes on the engine depends on this resource, so it is known here first.
 */
async function mustBeOurs(
  old: InventoryInputs | undefined,
  inputs: InventoryInputs,
  { host }: Operation,
): Promise<void> {
  if (old && !old.objects) return; // the state of an earlier version, which has made them
  const added = (inputs.objects ?? []).filter((object) => !old?.objects?.includes(object));
  const there = await Promise.all(added.map((object) => isOnEngine(host, object)));
  const problems = added.flatMap((object, i) => {
    const [kind = "", name = ""] = object.split(" ");
    const volume = inputs.volumes[name];
    if (!there[i] || volume?.kept) return [];
    const problem = `${object}: it is on the Docker engine, and this state has not made it; `;
    if (volume && kind === "volume")
      return [
        `${problem}write backup.keep: true to use it and never remove it, or name it as volume in the stack file`,
      ];
    return [`${problem}remove it (docker ${kind} rm ${name}) or choose another stack`];
  });
  if (problems.length > 0) throw new Error(problems.join("\n"));
}

/**
 * What a stack declares that goes with its rows once it is not declared any more. Pulumi asks nobody about a resource that it will
 * delete, so this is where a preview looks at what such a change would take along.
 */
export const inventory: Kind<InventoryInputs, InventoryInputs> = {
  async explain(old, inputs, operation) {
    await mustBeOurs(old, inputs, operation);
    for (const [database, former] of Object.entries(old?.databases ?? {})) {
      const now = inputs.databases[database];
      if (!now) {
        await explainDatabase(database, operation);
        continue;
      }
      await explainTiers(database, gone(former.tiers, now.tiers), operation);
      const extensions = former.extensions.filter((each) => !now.extensions.includes(each));
      await explainExtensions(database, extensions, operation);
    }
    for (const [volume, { holds, kept }] of gone(old?.volumes ?? {}, inputs.volumes))
      if (!kept) operation.hazard("loss", `volume ${volume} is removed, with ${holds}`);
  },
  create: async (inputs, { name }) => ({ id: name, state: inputs }),
  read: async (_id, state) => state,
  update: async (_id, _old, inputs) => inputs,
  delete: async () => undefined,
};
