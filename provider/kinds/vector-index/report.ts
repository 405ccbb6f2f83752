import { advisedLists, graphBytes, hnswBytes, ivfflatBytes } from "../../../tuning/vector-index";
import { formatCount } from "../../format-count";
import { isOlder, PARALLEL_SINCE } from "./build";
import type { Column } from "./catalog";
import type { Definition } from "./inputs";
import { indexedType } from "./statements";

// Pure: lines of a preview about a build.

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
