import type { Client } from "pg";
import { z } from "zod";
import { quoteIdentifier, quoteObjectName, type ObjectName } from "../../../config/object-name";
import { catalogQuery, readRows, rowsOf, type RowOf } from "../../catalog-query";
import { CONCURRENT_LOCK_TIMEOUT, LOCK_TIMEOUT, tryForLock } from "../../lock";
import { differences } from "../../kind";
import {
  conditionOf,
  definitionOf,
  findRecord,
  findColumn,
  findIndex,
  type Column,
  type Condition,
  type FoundIndex,
} from "./catalog";
import type { Definition, VectorIndexInputs } from "./inputs";
import { noteBuild } from "./outgrown";
import { indexBody, nameWhileBuilt, PART, partName, whyNot } from "./statements";

/** Older versions of pgvector overflow a buffer in a parallel build of an HNSW index. */
export const PARALLEL_SINCE = "0.8.2";

/** Compares versions of pgvector number by number. */
export function isOlder(version: string, than: string): boolean {
  const [a = [], b = []] = [version, than].map((text) => text.split(".").map(Number));
  const at = [0, 1, 2].find((i) => (a[i] ?? 0) !== (b[i] ?? 0));
  return at !== undefined && (a[at] ?? 0) < (b[at] ?? 0);
}

interface Build {
  client: Client;
  /** The index to build. */
  index: ObjectName;
  definition: Definition;
  body: string;
  condition: Condition | undefined;
  info(text: string): void;
}

const isAsDeclared = (found: FoundIndex, { definition, condition }: Pick<Build, "definition" | "condition">) =>
  differences(definitionOf(found, definition, condition), definition).length === 0;

/** The column of an index; throws if an index cannot be built on it. */
export async function suitableColumn(client: Client, definition: Definition): Promise<Column> {
  const column = await findColumn(client, definition);
  if (!column) throw new Error(`${definition.table}: the table does not exist`);
  const reason = whyNot(definition, column);
  if (reason) throw new Error(reason);
  return column;
}

/**
 * Builds the declared index under a temporary name, drops the index of its name, and renames the new one: queries have one of them at
 * any time. The index of an interrupted build is used if it is valid and as declared, else dropped.
 */
export async function build(
  client: Client,
  inputs: VectorIndexInputs,
  info: (text: string) => void,
  warn: (text: string) => void,
): Promise<void> {
  const { definition, schema, name } = inputs;
  const column = await suitableColumn(client, definition);
  const condition = conditionOf(await findRecord(client, inputs));
  const run: Build = {
    client,
    index: { schema, name },
    definition,
    body: indexBody(definition, column),
    condition,
    info,
  };
  const forwardNotice = ({ message = "" }: { message?: string }) => {
    if (/^(hnsw|ivfflat)/.test(message)) warn(message);
  };
  client.on("notice", forwardNotice);
  try {
    if (definition.hnsw && isOlder(column.version ?? "", PARALLEL_SINCE))
      await client.query("SET max_parallel_maintenance_workers = 0");
    const started = Date.now();
    await (column.partitioned ? buildPartitioned(run) : buildPlain(run));
    info(`built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  } finally {
    client.off("notice", forwardNotice);
    await client.query("RESET max_parallel_maintenance_workers").catch(() => undefined); // the connection may be gone
  }
}

/** Builds an index concurrently, and retries if it does not get its lock. A failed try leaves an invalid index, which is dropped. */
async function createConcurrently(
  { client, body, info }: Build,
  { schema, name }: ObjectName,
  on: string,
): Promise<void> {
  const create = `CREATE INDEX CONCURRENTLY ${quoteIdentifier(name)} ON ${on} ${body}`;
  const dropInvalid = () => client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${quoteObjectName({ schema, name })}`);
  await tryForLock(create, info, () =>
    client.query(create).catch(async (error: unknown) => {
      await dropInvalid().catch(() => undefined); // the connection may be gone
      throw error;
    }),
  );
  await noteBuild(client, quoteObjectName({ schema, name }));
}

async function rename({ client, index }: Build): Promise<void> {
  await client.query(`ALTER INDEX ${quoteObjectName(nameWhileBuilt(index))} RENAME TO ${quoteIdentifier(index.name)}`);
}

async function buildPlain(run: Build): Promise<void> {
  const { client, definition, index, info } = run;
  const temporary = nameWhileBuilt(index);
  let unfinished = await findIndex(client, temporary);
  if (unfinished && !(unfinished.valid && isAsDeclared(unfinished, run))) {
    info(`dropping ${quoteObjectName(temporary)}, the index of an interrupted build`);
    await dropIndex(run, temporary, unfinished);
    unfinished = undefined;
  }
  if (!unfinished) await createConcurrently(run, temporary, definition.table);
  const old = await findIndex(client, index);
  if (old) await dropIndex(run, index, old);
  await rename(run);
}

/** Drops an index. On a partitioned table this locks the whole table briefly: PostgreSQL cannot drop such an index concurrently. */
export async function dropIndex(
  { client, info }: Pick<Build, "client" | "info">,
  index: ObjectName,
  { partitioned }: FoundIndex,
): Promise<void> {
  if (!partitioned) await client.query(`DROP INDEX CONCURRENTLY ${quoteObjectName(index)}`);
  else await runBriefLock({ client, info }, `DROP INDEX ${quoteObjectName(index)}`);
}

/** Runs a statement that blocks other sessions with a short lock_timeout, and retries it. */
async function runBriefLock({ client, info }: Pick<Build, "client" | "info">, statement: string): Promise<void> {
  await client.query(`SET lock_timeout = '${LOCK_TIMEOUT}'`);
  try {
    await tryForLock(statement, info, () => client.query(statement));
  } finally {
    await client.query(`SET lock_timeout = '${CONCURRENT_LOCK_TIMEOUT}'`).catch(() => undefined);
  }
}

type Member = RowOf<typeof PARTITION_TREE>;
export const PARTITION_TREE = catalogQuery("partition-tree", {
  schema: z.string(),
  name: z.string(),
  leaf: z.boolean(),
  /** null for the root. */
  parentSchema: z.string().nullable(),
  parentName: z.string().nullable(),
});
export const VECTOR_PARTS_MISSING = catalogQuery("vector-parts-missing", { partition: z.string() });
export const VECTOR_PARTS_STRAY = catalogQuery("vector-parts-stray", { part: z.string() });

/** Partitions without a valid part of an index. */
async function partsMissing(client: Client, root: ObjectName): Promise<string> {
  const rows = await readRows(client, VECTOR_PARTS_MISSING, quoteObjectName(root));
  return rows.map(({ partition }) => partition).join(", ");
}

/** Drops parts of earlier builds that were never attached, because the declaration changed before. */
async function dropStrayParts({ client, definition }: Build): Promise<void> {
  const rows = await readRows(client, VECTOR_PARTS_STRAY, definition.table, PART);
  for (const { part } of rows) await client.query(`DROP INDEX CONCURRENTLY ${part}`);
}

/** Builds the part of each partition concurrently and attaches it. The index becomes valid with the last part. */
async function buildPartitioned(run: Build): Promise<void> {
  const { client, definition, index, info } = run;
  const old = await findIndex(client, index);
  // An index as declared that lacks parts keeps the others.
  const keeps = old !== undefined && isAsDeclared(old, run);
  const root = keeps ? index : nameWhileBuilt(index);
  const unfinished = keeps ? undefined : await findIndex(client, root);
  if (unfinished && !isAsDeclared(unfinished, run)) await dropIndex(run, root, unfinished);
  for (let before = ""; ;) {
    for (const member of await readRows(client, PARTITION_TREE, definition.table)) await buildPart(run, root, member);
    const missing = await partsMissing(client, root);
    if (missing === "") break;
    if (missing === before)
      throw new Error(`${quoteObjectName(root)}: no valid part in ${missing}; run the update again`);
    info(`continuing with partitions that were created during the build: ${missing}`);
    before = missing;
  }
  if (!keeps) {
    if (old) await dropIndex(run, index, old);
    await rename(run);
  }
  await dropStrayParts(run);
}

async function buildPart(run: Build, root: ObjectName, member: Member): Promise<void> {
  const { client, index, body } = run;
  if (await partOf(run, root, member)) return;
  const { leaf, parentSchema, parentName } = member;
  const part = parentName === null ? root : partName(member, index, body);
  const found = await findIndex(client, part);
  if (leaf && found && !found.valid) await dropIndex(run, part, found);
  const table = quoteObjectName(member);
  if (leaf && !found?.valid) await createConcurrently(run, part, table);
  if (!leaf && !found) await runBriefLock(run, `CREATE INDEX ${quoteIdentifier(part.name)} ON ONLY ${table} ${body}`);
  if (parentName === null) return;
  const above = await partOf(run, root, { schema: parentSchema ?? "", name: parentName });
  await runBriefLock(run, `ALTER INDEX ${above} ATTACH PARTITION ${quoteObjectName(part)}`);
}

/** The part of an index on a table, quoted for SQL. */
async function partOf({ client }: Build, root: ObjectName, table: ObjectName): Promise<string | undefined> {
  const [part] = await rowsOf(
    client,
    { name: z.string() },
    `SELECT x.indexrelid::pg_catalog.regclass::text AS name
     FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)) AS t JOIN pg_catalog.pg_index AS x ON x.indexrelid = t.relid
     WHERE x.indrelid = $2::pg_catalog.regclass`,
    [quoteObjectName(root), quoteObjectName(table)],
  );
  return part?.name;
}
