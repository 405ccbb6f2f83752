import type { Client } from "pg";
import { quoteObjectName } from "../../../config/object-name";
import { differences } from "../../kind";
import { findIndex, findRecord, describeConflict, definitionOf, conditionOf } from "./catalog";
import type { VectorIndexInputs } from "./inputs";
import { outgrownProblems } from "./outgrown";
import { problemsOfRecord } from "./recall";
import { nameWhileBuilt } from "./statements";

/** The index on the server; undefined if the index, an unfinished build and its record are all missing. */
export async function readIndex(client: Client, state: VectorIndexInputs): Promise<VectorIndexInputs | undefined> {
  const found = await findIndex(client, state);
  const unfinished = await findIndex(client, nameWhileBuilt(state));
  const record = await findRecord(client, state);
  if (!found && !unfinished && !record) return undefined;
  const problems: string[] = [];
  const tables = [state.definition.table, record?.declared.table_name ?? ""];
  const conflict = found && describeConflict(found, tables);
  if (!found) problems.push("the index does not exist");
  else if (conflict !== undefined) problems.push(conflict);
  else if (!found.valid)
    problems.push(found.partitioned ? "partitions lack their part of the index" : "the index is invalid");
  if (unfinished) problems.push("a build was interrupted");
  if (found && conflict === undefined && found.valid) problems.push(...(await outgrownProblems(client, found)));
  return {
    ...state,
    definition:
      found && conflict === undefined ? definitionOf(found, state.definition, conditionOf(record)) : state.definition,
    problems: [...problems, ...problemsOfRecord(state, record)],
  };
}

/** True if the index exists as declared; throws if the name belongs to a relation that pgwright does not manage. */
export async function existsAsDeclared(
  client: Client,
  inputs: VectorIndexInputs,
  old: VectorIndexInputs | undefined,
): Promise<boolean> {
  const found = await findIndex(client, inputs);
  if (!found) return false;
  const record = await findRecord(client, inputs);
  const tables = [inputs.definition.table, old?.definition.table ?? "", record?.declared.table_name ?? ""];
  const conflict = describeConflict(found, tables);
  if (conflict !== undefined)
    throw new Error(`${quoteObjectName(inputs)}: ${conflict}; choose another name, or drop the other relation`);
  return (
    found.valid === true &&
    differences(definitionOf(found, inputs.definition, conditionOf(record)), inputs.definition).length === 0
  );
}
