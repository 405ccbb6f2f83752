import { quoteObjectName } from "../../../config/object-name";
import { advisedLists, graphBytes, hnswBytes, ivfflatBytes } from "../../../tuning/vector-index";
import { formatCount } from "../../format-count";
import { type Operation, differences } from "../../kind";
import { whyDown } from "../../readiness";
import { isNoDatabase, withDatabase } from "../../session";
import type { Client } from "pg";
import { PARALLEL_SINCE, isOlder } from "./build";
import { type Column, conditionOf, definitionOf, findColumn, findIndex, findRecord } from "./catalog";
import { existsAsDeclared } from "./compare";
import type { Definition, VectorIndexInputs } from "./inputs";
import { mustBeMeasured } from "./recall";
import { indexedType, whyNot } from "./statements";

/** Older versions of pgvector can damage an HNSW graph if rows are inserted while it is vacuumed. */
const SOUND_SINCE = "0.8.4";

const GIB = 2 ** 30;
const MIB = 2 ** 20;
export const formatSize = (bytes: number): string =>
  bytes >= GIB ? `${(bytes / GIB).toFixed(1)} GiB` : `${Math.max(1, Math.round(bytes / MIB))} MiB`;

/** The index, its number of rows and its size. */
export function describeBuild(definition: Definition, column: Column): string {
  const { hnsw, ivfflat, table, where } = definition;
  const type = indexedType(column, definition.precision);
  const { rows, dimensions } = column;
  const some = where === undefined ? "" : " at most";
  const size = hnsw
    ? hnswBytes(rows, type, dimensions, hnsw.m)
    : ivfflatBytes(rows, type, dimensions, ivfflat?.lists ?? 1);
  const what = hnsw
    ? `an hnsw index (m ${hnsw.m}, ef_construction ${hnsw.efConstruction})`
    : `an ivfflat index (${ivfflat?.lists} lists)`;
  return (
    `builds ${what} of ${table} concurrently: about ${formatCount(rows)} rows${some} of ${type}(${dimensions}), ` +
    `${formatSize(size)}; reads and writes continue`
  );
}

/** Warnings about the declared index. */
export function warningsOf(definition: Definition, column: Column): string[] {
  const { hnsw, ivfflat } = definition;
  const { rows, dimensions, memory, version } = column;
  const type = indexedType(column, definition.precision);
  const warnings: string[] = [];
  if (hnsw) {
    const graph = graphBytes(rows, type, dimensions, hnsw.m);
    if (graph > memory)
      warnings.push(
        `its graph of ${formatSize(graph)} does not fit into maintenance_work_mem of ${formatSize(memory)}, so the build reads and writes ` +
          `the index itself, many times slower; increase server.memory, or declare workload vector${
            type === "vector" ? " or precision half" : ""
          }`,
      );
    if (isOlder(version ?? "", SOUND_SINCE))
      warnings.push(
        `pgvector ${version}: before ${SOUND_SINCE} inserts during a vacuum can damage the graph; use image.base ` +
          `pgvector/pgvector:pg17, which has a later version${
            isOlder(version ?? "", PARALLEL_SINCE)
              ? "; before 0.8.2 a parallel build is unsafe, so one process builds the index"
              : ""
          }`,
      );
  }
  if (ivfflat) {
    const advised = advisedLists(rows);
    if (rows < ivfflat.lists * 30)
      warnings.push(
        `${formatCount(rows)} rows are too few for ${ivfflat.lists} lists; load the rows before the index is built, or declare ${advised} lists`,
      );
    else if (ivfflat.lists > advised * 4 || ivfflat.lists < advised / 4)
      warnings.push(`${ivfflat.lists} lists for ${formatCount(rows)} rows; pgvector recommends ${advised}`);
  }
  return warnings;
}

async function explainBuild(
  client: Client,
  old: VectorIndexInputs | undefined,
  inputs: VectorIndexInputs,
  operation: Operation,
) {
  const { info, warn, hazard } = operation;
  const { definition, recall } = inputs;
  const column = await findColumn(client, definition);
  if (!column) return info(`the index is built once ${definition.table} exists`);
  const reason = whyNot(definition, column);
  if (reason) return warn(`${reason}; the update fails unless it creates the missing objects`);
  await mustBeMeasured(client, inputs);
  const rows = formatCount(column.rows);
  const found = await findIndex(client, inputs);
  if (await existsAsDeclared(client, inputs, old)) {
    if (!old) info(`adopts the existing index ${quoteObjectName(inputs)}`);
  } else {
    info(describeBuild(definition, column));
    const record = await findRecord(client, inputs);
    const lacks = found && differences(definitionOf(found, definition, conditionOf(record)), definition).length === 0;
    if (found && !lacks) info("queries use the existing index until the end of the build, which drops it");
    if (column.partitioned)
      hazard(
        "briefLock",
        `${definition.table} is locked while the index of the parent is created${found ? ", and while the old index is dropped" : ""}`,
      );
    for (const warning of warningsOf(definition, column)) warn(warning);
  }
  if (recall) info(`measures its recall with ${recall.queries} queries; each reads about ${rows} rows once`);
}

export async function explain(
  old: VectorIndexInputs | undefined,
  inputs: VectorIndexInputs,
  operation: Operation,
): Promise<void> {
  const { host, preview, info, warn } = operation;
  if (!preview || (await whyDown(host))) return;
  for (const problem of old?.problems ?? []) warn(`${problem}; the update repairs it`);
  try {
    await withDatabase(host, inputs.database, (client) => explainBuild(client, old, inputs, operation));
  } catch (error) {
    if (!isNoDatabase(error)) throw error;
    info("the index is built once its table exists");
  }
}
