import type { DatabaseConfig } from "../databases";
import { parseObjectName, WRITE_OBJECT_NAME, writeSchema } from "../object-name";
import type { Report, Rule } from "./rule";

/** Vector indexes of a database, against each other and against the database's other keys. */
export const checkVectors: Rule = ({ databases }, report) => {
  for (const [name, database] of Object.entries(databases))
    checkIndexes(database, (at, text) => report(`databases.${name}.${at}`, text));
};

function checkIndexes(database: DatabaseConfig, report: Report): void {
  const { vectors, extensions } = database;
  if (!vectors) return;
  if (!extensions.vector)
    report("vectors", "vector indexes need the extension vector; add it to extensions: {vector: {schema: extensions}}");
  const alike = new Map<string, string>();
  for (const [index, { table, column, distance, precision, where }] of Object.entries(vectors.indexes)) {
    const what = JSON.stringify([table, column, distance, precision, where]);
    const other = alike.get(what);
    if (other !== undefined)
      report(
        `vectors.indexes["${index}"]`,
        `indexes the same vectors as ${other}, and queries would use only one of them; remove one`,
      );
    alike.set(what, index);
  }
  const scans = new Map<string, string>();
  for (const [index, { ivfflat, iterativeScan }] of Object.entries(vectors.indexes)) {
    const method = ivfflat ? "ivfflat" : "hnsw";
    const other = scans.get(method);
    if (iterativeScan !== "off" && other !== undefined && other !== iterativeScan)
      report(
        `vectors.indexes["${index}"].iterativeScan`,
        `"${iterativeScan}": another ${method} index has ${other}, and sessions of a database have one value; use the same value`,
      );
    if (iterativeScan !== "off") scans.set(method, iterativeScan);
  }
  for (const [index, { table }] of Object.entries(vectors.indexes)) {
    const at = `vectors.indexes["${index}"]`;
    const name = parseObjectName(index);
    const schema = parseObjectName(table)?.schema;
    if (!name) report(at, WRITE_OBJECT_NAME);
    else if (schema !== undefined && name.schema !== schema)
      report(at, `an index must be in the schema of its table; write ${writeSchema(schema)}${name.name}`);
  }
}
