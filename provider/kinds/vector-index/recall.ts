import type { Client } from "pg";
import { quoteObjectName } from "../../../config/object-name";
import { bookedAs, type Books } from "./catalog";
import { parameterOf, scanParameterOf, type RecallInputs, type VectorIndexInputs } from "./inputs";

/** Such as `recall@10 0.972 (hnsw.ef_search 80, 50 queries)`. */
const inWords = ({ definition, recall }: VectorIndexInputs, value: number, search: number, queries: number) =>
  `recall@${recall?.neighbours} ${value} (${parameterOf(definition)} ${search}, ${queries} queries)`;

/** Enters an index into the books. How far a search was found to have to go stays until it is found anew. */
async function enter(client: Client, inputs: VectorIndexInputs): Promise<void> {
  await client.query(
    `INSERT INTO pgwright.vector_indexes AS i
     SELECT * FROM jsonb_populate_record(NULL::pgwright.vector_indexes, $1::jsonb)
     ON CONFLICT (index_name) DO UPDATE
     SET (table_name, column_name, operator, precision, method, condition, queries_table, queries_column, filter, iterative_scan,
        neighbours, queries, at_least) =
       (excluded.table_name, excluded.column_name, excluded.operator, excluded.precision, excluded.method, excluded.condition,
        excluded.queries_table, excluded.queries_column, excluded.filter, excluded.iterative_scan, excluded.neighbours, excluded.queries, excluded.at_least),
       search = coalesce(excluded.search, CASE WHEN excluded.at_least IS NOT NULL THEN i.search END)`,
    [JSON.stringify({ ...bookedAs(inputs), search: inputs.search ?? null })],
  );
}

async function settle(client: Client, info: (text: string) => void): Promise<void> {
  const { rows } = await client.query<{ changed: string }>("SELECT pgwright.vector_settle() AS changed");
  for (const { changed } of rows) info(changed);
}

/** The error that says what helps. */
function tooLow({ definition, recall, iterativeScan }: VectorIndexInputs, best: string): Error {
  const { hnsw, precision, table } = definition;
  const more = hnsw
    ? `a larger m or efConstruction (now ${hnsw.m} and ${hnsw.efConstruction})`
    : `other lists (now ${definition.ivfflat?.lists}), or hnsw`;
  const further = recall?.where !== undefined && iterativeScan === undefined ? "iterativeScan, " : "";
  const whole = precision === "full" ? "" : `, or precision full (now ${precision})`;
  return new Error(
    `the index on ${table} finds too little: ${best}, and recall.atLeast is ${recall?.atLeast}. It stays as it is; what helps: ${further}${more}${whole}`,
  );
}

/** Measures, and throws if the recall is too low. `find`: with the smallest search that reaches it. */
async function measure(
  client: Client,
  inputs: VectorIndexInputs,
  recall: RecallInputs,
  find: boolean,
  info: (text: string) => void,
): Promise<void> {
  const index = quoteObjectName(inputs);
  if (find) {
    const { rows } = await client.query<{ search: number | null; recall: string | null; queries: number }>(
      "SELECT search, recall, queries FROM pgwright.vector_find($1)",
      [index],
    );
    const [found] = rows;
    if (found && found.recall !== null && found.search === null)
      throw tooLow(
        inputs,
        `recall@${recall.neighbours} ${Number(found.recall)} at best, over ${found.queries} queries`,
      );
    await client.query("UPDATE pgwright.vector_indexes SET search = $2 WHERE index_name = $1", [index, found?.search]);
    await settle(client, info);
  }
  const { rows } = await client.query<{ recall: string | null }>("SELECT pgwright.vector_measure($1) AS recall", [
    index,
  ]);
  const measured = rows[0]?.recall;
  if (measured === null || measured === undefined) return info("there are no rows to measure its recall with");
  const { rows: last } = await client.query<{ search: number; queries: number }>(
    "SELECT search, queries FROM pgwright.vector_measurements WHERE index_name = $1 ORDER BY measured_at DESC LIMIT 1",
    [index],
  );
  const text = inWords(inputs, Number(measured), last[0]?.search ?? 0, last[0]?.queries ?? 0);
  if (Number(measured) < recall.atLeast) throw tooLow(inputs, text);
  info(text);
}

/** Brings books, search and measurements of an index up to date. `anew`: what was measured before does not hold any more. */
export async function keepBooks(
  client: Client,
  inputs: VectorIndexInputs,
  anew: boolean,
  info: (text: string) => void,
): Promise<void> {
  await enter(client, inputs);
  await settle(client, info);
  if (anew && inputs.recall) await measure(client, inputs, inputs.recall, inputs.search === undefined, info);
}

/** Takes an index out of the books, and the search that it needed. */
export async function forget(client: Client, index: string, info: (text: string) => void): Promise<void> {
  await client.query("DELETE FROM pgwright.vector_indexes WHERE index_name = $1", [index]);
  await settle(client, info);
}

/** What of the books is not as it should be, in words. */
export function problemsOfBooks(inputs: VectorIndexInputs, books: Books | undefined): string[] {
  const { recall, definition } = inputs;
  if (!books) return ["it is not in the books of the library (pgwright.vector_indexes)"];
  const problems: string[] = [];
  const needed = inputs.search ?? books.search;
  if (needed !== null && books.searchOfDatabase < needed)
    problems.push(
      `${parameterOf(definition)} of the database is ${books.searchOfDatabase}, and this index needs ${needed}`,
    );
  if (inputs.iterativeScan !== undefined && books.scanOfDatabase !== inputs.iterativeScan)
    problems.push(
      `${scanParameterOf(definition)} of the database is ${books.scanOfDatabase ?? "off"}, and this index needs ${inputs.iterativeScan}`,
    );
  if (recall && books.measuredAt === null) problems.push("its recall was never measured");
  if (recall && books.recall !== null && books.recall < recall.atLeast)
    problems.push(
      `${inWords(inputs, books.recall, books.measuredWith ?? 0, books.queries ?? 0)} at ${books.measuredAt?.toISOString().slice(0, 16)}Z is below ${recall.atLeast}`,
    );
  return problems;
}
