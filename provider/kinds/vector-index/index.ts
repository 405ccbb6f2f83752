import type { Client } from "pg";
import { quoteObjectName, writeObjectName, type ObjectName } from "../../../config/object-name";
import { formatCount } from "../../format-count";
import type { Host } from "../../host";
import { Incomplete, differences, type Kind, type Operation } from "../../kind";
import { CONCURRENT_LOCK_TIMEOUT } from "../../lock";
import { whyDown } from "../../readiness";
import { ask, isNoDatabase, withDatabase } from "../../session";
import { build, dropIndex } from "./build";
import { conditionOf, definitionOf, findRecord, findColumn, findIndex, describeConflict, tableOf } from "./catalog";
import { declaration, type VectorIndexInputs } from "./inputs";
import { outgrownProblems, rebuildOutgrown } from "./outgrown";
import { deleteRecord, measure, mustBeMeasured, problemsOfRecord, saveRecord, settle } from "./recall";
import { nameWhileBuilt, whyNot } from "./statements";
import { describeBuild, warningsOf } from "./report";

/** The index on the server; undefined if the index, an unfinished build and its record are all missing. */
async function readIndex(client: Client, state: VectorIndexInputs): Promise<VectorIndexInputs | undefined> {
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

const turns = new WeakMap<Host, Promise<unknown>>();

/** One build or measurement at a time on a server: a build may use all of maintenance_work_mem and /dev/shm, and queries are timed. */
function inTurn<T>({ host }: Operation, database: string, act: (client: Client) => Promise<T>): Promise<T> {
  const work = () =>
    withDatabase(host, database, async (client) => {
      await client.query(
        `SET statement_timeout = 0; SET transaction_timeout = 0; SET lock_timeout = '${CONCURRENT_LOCK_TIMEOUT}'`,
      );
      return act(client);
    });
  const turn = (turns.get(host) ?? Promise.resolve()).then(work, work);
  turns.set(host, turn);
  return turn;
}

/** True if the index exists as declared; throws if the name belongs to a relation that pgwright does not manage. */
async function existsAsDeclared(
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

async function dropUnfinished(client: Client, inputs: VectorIndexInputs, info: (text: string) => void): Promise<void> {
  const temporary = nameWhileBuilt(inputs);
  const unfinished = await findIndex(client, temporary);
  if (!unfinished) return;
  info(`dropping ${quoteObjectName(temporary)}, the index of an interrupted build`);
  await dropIndex({ client, info }, temporary, unfinished);
}

const idOf = (inputs: VectorIndexInputs) => `${inputs.database}/${writeObjectName(inputs)}`;

const put = (inputs: VectorIndexInputs, old: VectorIndexInputs | undefined, operation: Operation) =>
  inTurn(operation, inputs.database, async (client) => {
    const { info, warn } = operation;
    await mustBeMeasured(client, inputs);
    if (await existsAsDeclared(client, inputs, old)) await dropUnfinished(client, inputs, info);
    else await build(client, inputs, info, warn);
    const index = await findIndex(client, inputs);
    if (!index)
      throw new Error(`${quoteObjectName(inputs)}: dropped by another session during the build; run the update again`);
    const rebuilt = await rebuildOutgrown(client, index, info);
    await saveRecord(client, inputs, index);
    await settle(client, info);
    const { recall, search, iterativeScan } = inputs;
    const before = old && { recall: old.recall, search: old.search, iterativeScan: old.iterativeScan };
    const needsMeasurement =
      rebuilt ||
      differences(before, { recall, search, iterativeScan }).length > 0 ||
      problemsOfRecord(inputs, await findRecord(client, inputs)).length > 0;
    const problem =
      recall && needsMeasurement
        ? await measure({ host: operation.host, database: inputs.database, client }, inputs, recall, info)
        : undefined;
    if (problem !== undefined) throw new Incomplete(problem, idOf(inputs), inputs);
    return inputs;
  });

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

async function explain(
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

/** Drops the index, an unfinished build and the record. */
async function drop(client: Client, state: VectorIndexInputs, { host, info }: Operation): Promise<void> {
  const record = await findRecord(client, state);
  const drops = async (name: ObjectName) => {
    const found = await findIndex(client, name);
    if (!found) return;
    const conflict = describeConflict(found, [record?.declared.table_name ?? state.definition.table]);
    if (conflict === undefined) await dropIndex({ client, info }, name, found);
    else info(`${quoteObjectName(name)} (of table ${tableOf(found)}) is not dropped: ${conflict}`);
  };
  await drops(state);
  await drops(nameWhileBuilt(state));
  if (record) await deleteRecord({ host, database: state.database, client }, quoteObjectName(state), info);
}

/** A vector index: built concurrently, with the declared recall. */
export const vectorIndex: Kind<VectorIndexInputs, VectorIndexInputs> = {
  declaration,
  replaceOn: ["database", "schema", "name"],
  noneIfAbsent: ["search", "iterativeScan", "recall", "measuredBy"],
  explain,
  async create(inputs, operation) {
    const state = operation.preview ? inputs : await put(inputs, undefined, operation);
    return { id: idOf(inputs), state };
  },
  async read(_id, state, _inputs, { host }) {
    try {
      return await ask<VectorIndexInputs | undefined>(
        host,
        state.database,
        (client) => readIndex(client, state),
        state,
      );
    } catch (error) {
      if (isNoDatabase(error)) return undefined;
      throw error;
    }
  },
  async update(_id, old, inputs, operation) {
    return operation.preview ? inputs : put(inputs, old, operation);
  },
  async delete(_id, state, operation) {
    try {
      await inTurn(operation, state.database, (client) => drop(client, state, operation));
    } catch (error) {
      if (!isNoDatabase(error)) throw error; // dropped with its database
    }
  },
};
