import type { Client } from "pg";
import { quoteObjectName } from "../../../config/object-name";
import type { Host } from "../../host";
import { mustBelongToJob, type OwnerJob } from "../../job-owner";
import { withRunRole } from "../../run-role";
import { bookedAs, type IndexRecord, type FoundIndex } from "./catalog";
import { parameterOf, scanParameterOf, type RecallInputs, type VectorIndexInputs } from "./inputs";

/** Such as `recall@10 0.972 (hnsw.ef_search 80, 50 queries)`. */
const describeRecall = ({ definition, recall }: VectorIndexInputs, value: number, search: number, queries: number) =>
  `recall@${recall?.neighbours} ${value} (${parameterOf(definition)} ${search}, ${queries} queries)`;

/** Enters an index into the record. How far a search was found to have to go stays until it is found anew. */
export async function enter(client: Client, inputs: VectorIndexInputs, { condition }: FoundIndex): Promise<void> {
  const row = { ...bookedAs(inputs), spelled: condition, search: inputs.search ?? null };
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

/** Gives the database what its indexes need. */
export async function settle(client: Client, info: (text: string) => void): Promise<void> {
  const { rows } = await client.query<{ changed: string }>("SELECT pgwright.vector_settle() AS changed");
  for (const { changed } of rows) info(changed);
}

/** What a measurement gave. */
interface Measured {
  /** How far a search has to go; null: no distance is enough. */
  search: number | null;
  best: string | null;
  recall: string | null;
  measured_with: number;
  queries: number;
  through: number | null;
  hidden_from: string | null;
}

/** A session of the superuser, and where it is. */
export interface Place {
  host: Host;
  database: string;
  client: Client;
}

/** Measures in a session of the owner of the table: conditions, policies and views may call functions, which are none for a superuser to run. */
async function measured(
  { host, database, client }: Place,
  table: string,
  index: string,
  find: boolean,
): Promise<Measured> {
  const { rows: owners } = await client.query<{ owner: string }>(
    "SELECT pg_catalog.pg_get_userbyid(relowner) AS owner FROM pg_catalog.pg_class WHERE oid = $1::pg_catalog.regclass",
    [table],
  );
  return withRunRole(
    host,
    database,
    owners[0]?.owner ?? "",
    async (run) => {
      const { rows } = await run.query<Measured>("SELECT * FROM pgwright.vector_measure($1, $2)", [index, find]);
      return rows[0] as Measured;
    },
    { grantConnect: true },
  );
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

/** What is wrong with an index that finds too little, and what helps. */
function tooLow({ definition, recall, iterativeScan }: VectorIndexInputs, best: string): string {
  const { hnsw, precision, table } = definition;
  const further = recall?.where !== undefined && iterativeScan === undefined ? "iterativeScan, " : "";
  const more = hnsw
    ? `a larger m or efConstruction (now ${hnsw.m} and ${hnsw.efConstruction})`
    : `other lists (now ${definition.ivfflat?.lists}), hnsw, or REINDEX INDEX CONCURRENTLY if most of the rows came after it was built`;
  const whole = precision === "full" ? "" : `, or precision full (now ${precision})`;
  return `the index on ${table} finds too little: ${best}, and recall.atLeast is ${recall?.atLeast}. It stays as it is; what helps: ${further}${more}${whole}`;
}

const hidden = (role: string) =>
  `its recall cannot be measured: row security shows role ${role} no row; pgwright:roles.${role}.bypassRowLevelSecurity: true lets it measure`;

const USES_ANOTHER = "queries use another index of the column";

/** Measures an index, and finds how far a search has to go if the stack file does not say. Returns what is wrong with it, in words. */
export async function measure(
  place: Place,
  inputs: VectorIndexInputs,
  { neighbours, atLeast }: RecallInputs,
  info: (text: string) => void,
): Promise<string | undefined> {
  const index = quoteObjectName(inputs);
  const find = inputs.search === undefined;
  const { search, best, recall, measured_with, queries, through, hidden_from } = await measured(
    place,
    inputs.definition.table,
    index,
    find,
  );
  if (hidden_from !== null) return hidden(hidden_from);
  if (recall === null) {
    info("there are no rows to measure its recall with");
    return undefined;
  }
  if (through !== null && through < queries) {
    info(`${USES_ANOTHER}: what is measured is not its recall`);
    return undefined;
  }
  if (find && search === null)
    return tooLow(inputs, `recall@${neighbours} ${Number(best)} at best, over ${queries} queries`);
  if (find) {
    await place.client.query("UPDATE pgwright.vector_indexes SET search = $2 WHERE index_name = $1", [index, search]);
    await settle(place.client, info);
  }
  const text = describeRecall(inputs, Number(recall), measured_with, queries);
  if (Number(recall) < atLeast) return tooLow(inputs, text);
  info(text);
  return undefined;
}

/** Takes an index out of the record, and the search that it needed. Others of its column are measured if queries have used it for theirs. */
export async function forget(place: Place, index: string, info: (text: string) => void): Promise<void> {
  const { client } = place;
  const { rows } = await client.query<{ table: string }>(
    "DELETE FROM pgwright.vector_indexes WHERE index_name = $1 RETURNING table_name AS table",
    [index],
  );
  const { rows: others } = await client.query<{ index: string }>(
    `SELECT i.index_name AS index FROM pgwright.vector_indexes AS i JOIN pgwright.vector_health AS h USING (index_name)
     WHERE i.table_name = $1 AND h.valid AND h.problem LIKE $2`,
    [rows[0]?.table, `%${USES_ANOTHER}%`],
  );
  for (const other of others) {
    const { search } = await measured(place, rows[0]?.table ?? "", other.index, true);
    await client.query("UPDATE pgwright.vector_indexes SET search = coalesce($2, search) WHERE index_name = $1", [
      other.index,
      search,
    ]);
  }
  await settle(client, info);
}

/** What of the record is not as it should be, in words. */
export function problemsOfRecord(inputs: VectorIndexInputs, record: IndexRecord | undefined): string[] {
  const { recall, definition } = inputs;
  if (!record) return ["it is not in the record of the library (pgwright.vector_indexes)"];
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
  if (recall && record.hiddenFrom !== null) problems.push(hidden(record.hiddenFrom));
  if (recall && record.measuredAt === null) problems.push("its recall was never measured");
  if (recall && record.through !== null && record.through < (record.queries ?? 0)) problems.push(USES_ANOTHER);
  else if (recall && record.recall !== null && record.recall < recall.atLeast)
    problems.push(
      `${describeRecall(inputs, record.recall, record.measuredWith ?? 0, record.queries ?? 0)} at ${record.measuredAt?.toISOString().slice(0, 16)}Z is below ${recall.atLeast}`,
    );
  return problems;
}
