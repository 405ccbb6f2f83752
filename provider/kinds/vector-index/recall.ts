import type { Client } from "pg";
import { z } from "zod";
import { quoteObjectName } from "../../../config/object-name";
import { catalogQuery, readRows, rowsOf, type RowOf } from "../../catalog-query";
import type { Host } from "../../host";
import { mustBelongToJob, type OwnerJob } from "../../job-owner";
import { asOwner } from "../../run-role";
import { toRecord, type IndexRecord, type FoundIndex } from "./catalog";
import { parameterOf, scanParameterOf, type RecallInputs, type VectorIndexInputs } from "./inputs";

/** Such as `recall@10 0.972 (hnsw.ef_search 80, 50 queries)`. */
const describeRecall = ({ definition, recall }: VectorIndexInputs, value: number, search: number, queries: number) =>
  `recall@${recall?.neighbours} ${value} (${parameterOf(definition)} ${search}, ${queries} queries)`;

/** Writes an index to pgwright.vector_indexes. A measured `search` stays until the next measurement. */
export async function saveRecord(client: Client, inputs: VectorIndexInputs, { condition }: FoundIndex): Promise<void> {
  const row = { ...toRecord(inputs), spelled: condition, search: inputs.search ?? null };
  const columns = Object.keys(row).filter((column) => column !== "search");
  await client.query(
    `INSERT INTO pgwright.vector_indexes AS i
     SELECT * FROM jsonb_populate_record(NULL::pgwright.vector_indexes, $1::jsonb)
     ON CONFLICT (index_name) DO UPDATE
     SET ${columns.map((column) => `${column} = excluded.${column}`).join(", ")},
       search = coalesce(excluded.search, CASE WHEN excluded.at_least IS NOT NULL AND excluded.method = i.method THEN i.search END)`,
    [JSON.stringify(row)],
  );
}

/** Sets the parameters of the database that its indexes need. */
export async function settle(client: Client, info: (text: string) => void): Promise<void> {
  const rows = await rowsOf(client, { changed: z.string() }, "SELECT pgwright.vector_settle() AS changed");
  for (const { changed } of rows) info(changed);
}

/** The result of a measurement. */
type Measurement = RowOf<typeof VECTOR_MEASURE>;
export const VECTOR_MEASURE = catalogQuery("vector-measure", {
  /** The value of the search parameter that reaches the recall; null: none does. */
  search: z.number().nullable(),
  best: z.string().nullable(),
  recall: z.string().nullable(),
  measured_with: z.number(),
  queries: z.number(),
  through: z.number().nullable(),
  hidden_from: z.string().nullable(),
});

/** A session of the superuser, with its server and database. */
export interface SuperuserSession {
  host: Host;
  database: string;
  client: Client;
}

/** Measures in a session of the table's owner: a superuser must not run the functions that conditions, policies and views call. */
async function runMeasurement(
  { host, database, client }: SuperuserSession,
  table: string,
  index: string,
  find: boolean,
): Promise<Measurement> {
  const [found] = await rowsOf(
    client,
    { owner: z.string() },
    "SELECT pg_catalog.pg_get_userbyid(relowner) AS owner FROM pg_catalog.pg_class WHERE oid = $1::pg_catalog.regclass",
    [table],
  );
  return asOwner(host, database, found?.owner ?? "", async (run) => {
    const [measurement] = await readRows(run, VECTOR_MEASURE, index, find);
    return measurement as Measurement; // a function with OUT parameters returns a row always
  });
}

const MEASURING: OwnerJob = {
  does: "measures recalls",
  runs: "the policies and expressions",
  key: "vectors.role",
  needs: (table) => `read ${table}`,
};

/** Throws if the job of the database's owner would measure a table of another role. */
export async function mustBeMeasured(
  client: Client,
  { recall, measuredBy, definition }: VectorIndexInputs,
): Promise<void> {
  if (!recall || measuredBy !== undefined) return;
  await mustBelongToJob(client, [definition.table, ...(recall.from ? [recall.from.table] : [])], MEASURING);
}

/** The problem of an index whose recall is too low, and the possible changes. */
function describeLowRecall({ definition, recall, iterativeScan }: VectorIndexInputs, best: string): string {
  const { hnsw, precision, table } = definition;
  const further = recall?.where !== undefined && iterativeScan === undefined ? "iterativeScan, " : "";
  const more = hnsw
    ? `a larger m or efConstruction (now ${hnsw.m} and ${hnsw.efConstruction})`
    : `other lists (now ${definition.ivfflat?.lists}), hnsw, or REINDEX INDEX CONCURRENTLY if most rows were added after its build`;
  const whole = precision === "full" ? "" : `, or precision full (now ${precision})`;
  return `the recall of the index on ${table} is too low: ${best}, and recall.atLeast is ${recall?.atLeast}; the index is kept; try ${further}${more}${whole}`;
}

const describeHiddenRows = (role: string) =>
  `its recall cannot be measured: row security hides all rows from role ${role}; set pgwright:roles.${role}.bypassRowLevelSecurity: true`;

const USES_ANOTHER = "queries use another index of the column";

/** Measures an index, and finds its search parameter if the stack file declares none. Returns the problem, or undefined. */
export async function measure(
  session: SuperuserSession,
  inputs: VectorIndexInputs,
  { neighbours, atLeast }: RecallInputs,
  info: (text: string) => void,
): Promise<string | undefined> {
  const index = quoteObjectName(inputs);
  const find = inputs.search === undefined;
  const { search, best, recall, measured_with, queries, through, hidden_from } = await runMeasurement(
    session,
    inputs.definition.table,
    index,
    find,
  );
  if (hidden_from !== null) return describeHiddenRows(hidden_from);
  if (recall === null) {
    info("its recall is not measured, because there are no rows");
    return undefined;
  }
  if (through !== null && through < queries) {
    info(`${USES_ANOTHER}; the measured recall is not the one of this index`);
    return undefined;
  }
  if (find && search === null)
    return describeLowRecall(inputs, `recall@${neighbours} ${Number(best)} at best, over ${queries} queries`);
  if (find) {
    await session.client.query("UPDATE pgwright.vector_indexes SET search = $2 WHERE index_name = $1", [index, search]);
    await settle(session.client, info);
  }
  const text = describeRecall(inputs, Number(recall), measured_with, queries);
  if (Number(recall) < atLeast) return describeLowRecall(inputs, text);
  info(text);
  return undefined;
}

/** Deletes the record of an index and resets parameters that only it needed. Indexes whose queries used it instead are measured again. */
export async function deleteRecord(
  session: SuperuserSession,
  index: string,
  info: (text: string) => void,
): Promise<void> {
  const { client } = session;
  const [deleted] = await rowsOf(
    client,
    { table: z.string() },
    "DELETE FROM pgwright.vector_indexes WHERE index_name = $1 RETURNING table_name AS table",
    [index],
  );
  const others = await rowsOf(
    client,
    { index: z.string() },
    `SELECT i.index_name AS index FROM pgwright.vector_indexes AS i JOIN pgwright.vector_health AS h USING (index_name)
     WHERE i.table_name = $1 AND h.valid AND h.problem LIKE $2`,
    [deleted?.table, `%${USES_ANOTHER}%`],
  );
  for (const other of others) {
    const { search } = await runMeasurement(session, deleted?.table ?? "", other.index, true);
    await client.query("UPDATE pgwright.vector_indexes SET search = coalesce($2, search) WHERE index_name = $1", [
      other.index,
      search,
    ]);
  }
  await settle(client, info);
}

/** Problems of an index that its record shows. */
export function problemsOfRecord(inputs: VectorIndexInputs, record: IndexRecord | undefined): string[] {
  const { recall, definition } = inputs;
  if (!record) return ["the index is missing in pgwright.vector_indexes"];
  const problems: string[] = [];
  const needed = inputs.search ?? record.search;
  if (needed !== null && record.searchOfDatabase < needed)
    problems.push(
      `${parameterOf(definition)} of the database is ${record.searchOfDatabase}, and this index needs ${needed}`,
    );
  if (inputs.iterativeScan !== undefined && record.scanOfDatabase !== inputs.iterativeScan)
    problems.push(
      `${scanParameterOf(definition)} of the database is ${record.scanOfDatabase ?? "off"}, and this index needs ${inputs.iterativeScan}`,
    );
  if (recall && record.hiddenFrom !== null) problems.push(describeHiddenRows(record.hiddenFrom));
  if (recall && record.measuredAt === null) problems.push("its recall was never measured");
  if (recall && record.through !== null && record.through < (record.queries ?? 0)) problems.push(USES_ANOTHER);
  else if (recall && record.recall !== null && record.recall < recall.atLeast)
    problems.push(
      `${describeRecall(inputs, record.recall, record.measuredWith ?? 0, record.queries ?? 0)} at ${record.measuredAt?.toISOString().slice(0, 16)}Z is below ${recall.atLeast}`,
    );
  return problems;
}
