import type { Client } from "pg";
import { quoteIdentifier, quoteObjectName, type ObjectName } from "../../../config/object-name";
import { CONCURRENT_LOCK_TIMEOUT, LOCK_TIMEOUT, tryForLock } from "../../lock";
import { differences } from "../../kind";
import { definitionOf, findColumn, findIndex, type Column, type FoundIndex } from "./catalog";
import type { Definition, VectorIndexInputs } from "./inputs";
import { indexBody, nameWhileBuilt, partName, whyNot } from "./statements";

/** pgvector before this writes behind a buffer when several processes build an HNSW index. */
export const PARALLEL_SINCE = "0.8.2";

/** pgvector's versions compare by their numbers. */
export function isOlder(version: string, than: string): boolean {
  const [a = [], b = []] = [version, than].map((text) => text.split(".").map(Number));
  const at = [0, 1, 2].find((i) => (a[i] ?? 0) !== (b[i] ?? 0));
  return at !== undefined && (a[at] ?? 0) < (b[at] ?? 0);
}

interface Build {
  client: Client;
  definition: Definition;
  body: string;
  info(text: string): void;
}

const isAsWanted = (found: FoundIndex, wanted: Definition, condition: string | undefined) =>
  differences(definitionOf(found, wanted, condition), wanted).length === 0;

/** A condition as the catalog spells it. */
export async function spelled(client: Client, { table, where }: Definition): Promise<string | undefined> {
  if (where === undefined) return undefined;
  await client.query("BEGIN");
  try {
    await client.query(`CREATE TEMP TABLE pgwright_spelled (LIKE ${table}) ON COMMIT DROP`);
    await client.query(`ALTER TABLE pgwright_spelled ADD CONSTRAINT condition CHECK (${where})`);
    const { rows } = await client.query<{ text: string }>(
      `SELECT pg_get_expr(conbin, conrelid) AS text FROM pg_constraint
       WHERE conrelid = 'pgwright_spelled'::regclass AND conname = 'condition'`,
    );
    return rows[0]?.text;
  } finally {
    await client.query("ROLLBACK");
  }
}

/** The column that an index is made of; throws if none can be made of it. */
export async function suitableColumn(client: Client, definition: Definition): Promise<Column> {
  const column = await findColumn(client, definition);
  if (!column) throw new Error(`there is no table ${definition.table}`);
  const reason = whyNot(definition, column);
  if (reason) throw new Error(reason);
  return column;
}

/**
 * Makes an index that is as declared, beside the one that has its name, which goes then: queries have one or the other at any time.
 * What an interrupted build has left is finished, or taken away.
 */
export async function build(
  client: Client,
  inputs: VectorIndexInputs,
  info: (text: string) => void,
  warn: (text: string) => void,
): Promise<void> {
  const { definition } = inputs;
  const column = await suitableColumn(client, definition);
  const run: Build = { client, definition, body: indexBody(definition, column), info };
  const told = ({ message = "" }: { message?: string }) => {
    if (/^(hnsw|ivfflat)/.test(message)) warn(message);
  };
  client.on("notice", told);
  try {
    await client.query(`SET lock_timeout = '${CONCURRENT_LOCK_TIMEOUT}'`);
    if (definition.hnsw && isOlder(column.version ?? "", PARALLEL_SINCE))
      await client.query("SET max_parallel_maintenance_workers = 0");
    const started = Date.now();
    if (column.partitioned) await buildPartitioned(run, inputs);
    else await buildPlain(run, inputs);
    info(`built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  } finally {
    client.off("notice", told);
    await client.query("RESET lock_timeout; RESET max_parallel_maintenance_workers").catch(() => undefined); // the connection may be gone
  }
}

async function buildPlain(run: Build, index: ObjectName): Promise<void> {
  const { client, definition, body, info } = run;
  const aside = nameWhileBuilt(index);
  const begun = await findIndex(client, aside);
  const condition = await spelled(client, definition);
  if (begun && !(begun.valid && isAsWanted(begun, definition, condition))) {
    info(`dropping what an interrupted build has left: ${quoteObjectName(aside)}`);
    await client.query(`DROP INDEX CONCURRENTLY ${quoteObjectName(aside)}`);
  }
  if (!(begun && (await findIndex(client, aside)))) {
    const create = `CREATE INDEX CONCURRENTLY ${quoteIdentifier(aside.name)} ON ${definition.table} ${body}`;
    await tryForLock(create, info, async () => {
      try {
        await client.query(create);
      } catch (error) {
        await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${quoteObjectName(aside)}`).catch(() => undefined);
        throw error;
      }
    });
  }
  const old = await findIndex(client, index);
  if (old) await dropIndex(run, index, old);
  await client.query(`ALTER INDEX ${quoteObjectName(aside)} RENAME TO ${quoteIdentifier(index.name)}`);
}

/** Drops an index; one of a partitioned table needs all of the table for a moment. */
export async function dropIndex(
  { client, info }: Pick<Build, "client" | "info">,
  index: ObjectName,
  { partitioned }: FoundIndex,
): Promise<void> {
  if (!partitioned) {
    await client.query(`DROP INDEX CONCURRENTLY ${quoteObjectName(index)}`);
    return;
  }
  await briefly(client, () =>
    tryForLock(`DROP INDEX ${quoteObjectName(index)}`, info, () =>
      client.query(`DROP INDEX ${quoteObjectName(index)}`),
    ),
  );
}

async function briefly<T>(client: Client, act: () => Promise<T>): Promise<T> {
  await client.query(`SET lock_timeout = '${LOCK_TIMEOUT}'`);
  try {
    return await act();
  } finally {
    await client.query(`SET lock_timeout = '${CONCURRENT_LOCK_TIMEOUT}'`).catch(() => undefined);
  }
}

interface Member extends ObjectName {
  leaf: boolean;
  parentSchema: string | null;
  parentName: string | null;
}

/** Tables of a partitioned table, parents before children. */
async function membersOf(client: Client, table: string): Promise<Member[]> {
  const { rows } = await client.query<Member>(
    `SELECT n.nspname AS schema, c.relname AS name, t.isleaf AS leaf, pn.nspname AS "parentSchema", p.relname AS "parentName"
     FROM pg_partition_tree($1::regclass) AS t
     JOIN pg_class AS c ON c.oid = t.relid JOIN pg_namespace AS n ON n.oid = c.relnamespace
     LEFT JOIN pg_class AS p ON p.oid = t.parentrelid AND t.level > 0 LEFT JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
     ORDER BY t.level, 1, 2`,
    [table],
  );
  return rows;
}

/** Partitions that have no valid part of an index yet. */
async function partsMissing(client: Client, index: ObjectName): Promise<string[]> {
  const { rows } = await client.query<{ partition: string }>(
    `SELECT t.relid::regclass::text AS partition
     FROM pg_index AS x CROSS JOIN LATERAL pg_partition_tree(x.indrelid) AS t
     WHERE x.indexrelid = $1::regclass AND t.isleaf AND NOT EXISTS (
       SELECT FROM pg_partition_tree(x.indexrelid) AS part JOIN pg_index AS p ON p.indexrelid = part.relid
       WHERE p.indrelid = t.relid AND p.indisvalid
     )`,
    [quoteObjectName(index)],
  );
  return rows.map(({ partition }) => partition);
}

/** The part of each partition is built concurrently and attached; the index is valid once all have one. */
async function buildPartitioned(run: Build, index: ObjectName): Promise<void> {
  const { client, definition, info } = run;
  const condition = await spelled(client, definition);
  const old = await findIndex(client, index);
  // One that only lacks parts gets those.
  const keeps = old !== undefined && isAsWanted(old, definition, condition);
  const root = keeps ? index : nameWhileBuilt(index);
  const begun = keeps ? old : await findIndex(client, root);
  if (begun && !isAsWanted(begun, definition, condition)) await dropIndex(run, root, begun);
  for (let before = ""; ;) {
    for (const member of await membersOf(client, definition.table)) await buildPart(run, index, root, member);
    const missing = (await partsMissing(client, root)).join(", ");
    if (missing === "") break;
    if (missing === before) throw new Error(`${quoteObjectName(root)} has no valid part in ${missing}`);
    info(`goes on with partitions that were made meanwhile: ${missing}`);
    before = missing;
  }
  if (keeps) return;
  if (old) await dropIndex(run, index, old);
  await client.query(`ALTER INDEX ${quoteObjectName(root)} RENAME TO ${quoteIdentifier(index.name)}`);
}

async function buildPart(run: Build, index: ObjectName, root: ObjectName, member: Member): Promise<void> {
  const { client, body, info } = run;
  const { leaf, parentSchema, parentName } = member;
  const isRoot = parentName === null;
  const named = (table: ObjectName, top: boolean) => (top ? root : partName(table, index, body));
  const part = named(member, isRoot);
  const found = await findIndex(client, part);
  if (leaf && found && !found.valid) await client.query(`DROP INDEX CONCURRENTLY ${quoteObjectName(part)}`);
  if (!(await isIndexed(run, root, member)) && !(found && (found.valid || !leaf))) {
    const only = leaf ? "CONCURRENTLY" : "";
    const create = `CREATE INDEX ${only} ${quoteIdentifier(part.name)} ON ${leaf ? "" : "ONLY "}${quoteObjectName(member)} ${body}`;
    const run = () => tryForLock(create, info, () => client.query(create));
    await (leaf ? run() : briefly(client, run));
  }
  if (isRoot || (await isIndexed(run, root, member))) return;
  const parent: ObjectName = { schema: parentSchema ?? "", name: parentName };
  const above = await indexOn(run, root, parent);
  const attach = `ALTER INDEX ${above} ATTACH PARTITION ${quoteObjectName(part)}`;
  await briefly(client, () => tryForLock(attach, info, () => client.query(attach)));
}

/** The part of an index that a table has, as SQL takes it. */
async function indexOn({ client }: Build, root: ObjectName, table: ObjectName): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT x.indexrelid::regclass::text AS name
     FROM pg_partition_tree(to_regclass($1)) AS t JOIN pg_index AS x ON x.indexrelid = t.relid
     WHERE x.indrelid = $2::regclass`,
    [quoteObjectName(root), quoteObjectName(table)],
  );
  return rows[0]?.name;
}

const isIndexed = async (run: Build, root: ObjectName, table: ObjectName) =>
  (await indexOn(run, root, table)) !== undefined;
