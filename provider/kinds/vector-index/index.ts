import type { Client } from "pg";
import { quoteObjectName, writeObjectName, type ObjectName } from "../../../config/object-name";
import type { Host } from "../../host";
import { Incomplete, differences, type Kind, type Operation } from "../../kind";
import { CONCURRENT_LOCK_TIMEOUT } from "../../lock";
import { whyDown } from "../../readiness";
import { ask, isNoDatabase, withDatabase } from "../../session";
import { build, dropIndex } from "./build";
import { conditionOf, definitionOf, findRecord, findColumn, findIndex, tableOf, whoseElse } from "./catalog";
import type { VectorIndexInputs } from "./inputs";
import { outgrownProblems, rebuildOutgrown } from "./outgrown";
import { enter, forget, measure, mustBeMeasured, problemsOfRecord, settle } from "./recall";
import { nameWhileBuilt, whyNot } from "./statements";
import { describeBuild, warningsOf } from "./describe";

export type { VectorIndexInputs } from "./inputs";

/** What is there; undefined if nothing of it is, and nothing says that it was. */
async function look(client: Client, state: VectorIndexInputs): Promise<VectorIndexInputs | undefined> {
  const found = await findIndex(client, state);
  const begun = await findIndex(client, nameWhileBuilt(state));
  const record = await findRecord(client, state);
  if (!found && !begun && !record) return undefined;
  const problems: string[] = [];
  const tables = [state.definition.table, record?.declared.table_name ?? ""];
  const other = found && whoseElse(found, tables);
  if (!found) problems.push("it is not there");
  else if (other !== undefined) problems.push(other);
  else if (!found.valid) problems.push(found.partitioned ? "partitions have no part of it" : "it is invalid");
  if (begun) problems.push("a build was interrupted");
  if (found && other === undefined && found.valid) problems.push(...(await outgrownProblems(client, found)));
  return {
    ...state,
    definition:
      found && other === undefined ? definitionOf(found, state.definition, conditionOf(record)) : state.definition,
    problems: [...problems, ...problemsOfRecord(state, record)],
  };
}

const turns = new WeakMap<Host, Promise<unknown>>();

/** One after the other on a server: a build may use all of maintenance_work_mem and /dev/shm, and a query is timed. */
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

/** Throws if what has the name is somebody else's; true if it is as declared. */
async function isThere(
  client: Client,
  inputs: VectorIndexInputs,
  old: VectorIndexInputs | undefined,
): Promise<boolean> {
  const found = await findIndex(client, inputs);
  if (!found) return false;
  const record = await findRecord(client, inputs);
  const tables = [inputs.definition.table, old?.definition.table ?? "", record?.declared.table_name ?? ""];
  const other = whoseElse(found, tables);
  if (other !== undefined) throw new Error(`${quoteObjectName(inputs)}: ${other}; take another name, or drop that`);
  return (
    found.valid &&
    differences(definitionOf(found, inputs.definition, conditionOf(record)), inputs.definition).length === 0
  );
}

async function dropLeftover(client: Client, inputs: VectorIndexInputs, info: (text: string) => void): Promise<void> {
  const aside = nameWhileBuilt(inputs);
  const begun = await findIndex(client, aside);
  if (!begun) return;
  info(`dropping what an interrupted build has left: ${quoteObjectName(aside)}`);
  await dropIndex({ client, info }, aside, begun);
}

const idOf = (inputs: VectorIndexInputs) => `${inputs.database}/${writeObjectName(inputs)}`;

const put = (inputs: VectorIndexInputs, old: VectorIndexInputs | undefined, operation: Operation) =>
  inTurn(operation, inputs.database, async (client) => {
    const { info, warn } = operation;
    await mustBeMeasured(client, inputs);
    if (await isThere(client, inputs, old)) await dropLeftover(client, inputs, info);
    else await build(client, inputs, info, warn);
    const index = await findIndex(client, inputs);
    if (!index) throw new Error(`${quoteObjectName(inputs)} was dropped while it was being made`);
    const rebuilt = await rebuildOutgrown(client, index, info);
    await enter(client, inputs, index);
    await settle(client, info);
    const { recall, search, iterativeScan } = inputs;
    const before = old && { recall: old.recall, search: old.search, iterativeScan: old.iterativeScan };
    const anew =
      rebuilt ||
      differences(before, { recall, search, iterativeScan }).length > 0 ||
      problemsOfRecord(inputs, await findRecord(client, inputs)).length > 0;
    const problem =
      recall && anew
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
  if (!column) return info(`it is built as soon as ${definition.table} is there`);
  const reason = whyNot(definition, column);
  if (reason) return warn(`${reason}: unless this update makes what is missing, it will fail`);
  await mustBeMeasured(client, inputs);
  const rows = Math.round(column.rows).toLocaleString("en-US");
  const found = await findIndex(client, inputs);
  if (await isThere(client, inputs, old)) {
    if (!old) info(`takes up ${quoteObjectName(inputs)}, which is there`);
  } else {
    info(describeBuild(definition, column));
    const record = await findRecord(client, inputs);
    const lacks = found && differences(definitionOf(found, definition, conditionOf(record)), definition).length === 0;
    if (found && !lacks) info("the index that is there serves until then, and is dropped");
    if (column.partitioned)
      hazard(
        "briefLock",
        `${definition.table} is locked while its index is declared${found ? ", and while the old one is dropped" : ""}`,
      );
    for (const warning of warningsOf(definition, column)) warn(warning);
  }
  if (recall) info(`measures its recall with ${recall.queries} queries, each of which reads about ${rows} rows once`);
}

async function explain(
  old: VectorIndexInputs | undefined,
  inputs: VectorIndexInputs,
  operation: Operation,
): Promise<void> {
  const { host, preview, info, warn } = operation;
  if (!preview || (await whyDown(host))) return;
  for (const problem of old?.problems ?? []) warn(`${problem}; it will be put right`);
  try {
    await withDatabase(host, inputs.database, (client) => explainBuild(client, old, inputs, operation));
  } catch (error) {
    if (!isNoDatabase(error)) throw error;
    info("it is built as soon as its table is there");
  }
}

/** Drops what is ours of an index. */
async function drop(client: Client, state: VectorIndexInputs, { host, info }: Operation): Promise<void> {
  const record = await findRecord(client, state);
  const drops = async (name: ObjectName) => {
    const found = await findIndex(client, name);
    if (!found) return;
    const other = whoseElse(found, [record?.declared.table_name ?? state.definition.table]);
    if (other === undefined) await dropIndex({ client, info }, name, found);
    else info(`${quoteObjectName(name)} stays: ${other}, of table ${tableOf(found)}`);
  };
  await drops(state);
  await drops(nameWhileBuilt(state));
  if (record) await forget({ host, database: state.database, client }, quoteObjectName(state), info);
}

/** A vector index: built beside queries, with the recall that is declared. */
export const vectorIndex: Kind<VectorIndexInputs, VectorIndexInputs> = {
  replaceOn: ["database", "schema", "name"],
  noneIfAbsent: ["search", "iterativeScan", "recall", "measuredBy"],
  explain,
  async create(inputs, operation) {
    const state = operation.preview ? inputs : await put(inputs, undefined, operation);
    return { id: idOf(inputs), state };
  },
  async read(_id, state, _inputs, { host }) {
    try {
      return await ask<VectorIndexInputs | undefined>(host, state.database, (client) => look(client, state), state);
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
      if (!isNoDatabase(error)) throw error; // gone with its database
    }
  },
};
