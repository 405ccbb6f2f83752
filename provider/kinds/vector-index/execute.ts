import type { Client } from "pg";
import { quoteObjectName, writeObjectName, type ObjectName } from "../../../config/object-name";
import type { Host } from "../../host";
import { type Operation, differences, Incomplete } from "../../kind";
import { CONCURRENT_LOCK_TIMEOUT } from "../../lock";
import { withDatabase } from "../../session";
import { existsAsDeclared } from "./compare";
import { dropIndex, build } from "./build";
import { findIndex, findRecord, describeConflict, tableOf } from "./catalog";
import type { VectorIndexInputs } from "./inputs";
import { rebuildOutgrown } from "./outgrown";
import { mustBeMeasured, saveRecord, settle, problemsOfRecord, measure, deleteRecord } from "./recall";
import { nameWhileBuilt } from "./statements";

const turns = new WeakMap<Host, Promise<unknown>>();

/** One build or measurement at a time on a server: a build may use all of maintenance_work_mem and /dev/shm, and queries are timed. */
export function inTurn<T>({ host }: Operation, database: string, act: (client: Client) => Promise<T>): Promise<T> {
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

async function dropUnfinished(client: Client, inputs: VectorIndexInputs, info: (text: string) => void): Promise<void> {
  const temporary = nameWhileBuilt(inputs);
  const unfinished = await findIndex(client, temporary);
  if (!unfinished) return;
  info(`dropping ${quoteObjectName(temporary)}, the index of an interrupted build`);
  await dropIndex({ client, info }, temporary, unfinished);
}

export const idOf = (inputs: VectorIndexInputs) => `${inputs.database}/${writeObjectName(inputs)}`;

export const put = (inputs: VectorIndexInputs, old: VectorIndexInputs | undefined, operation: Operation) =>
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

/** Drops the index, an unfinished build and the record. */
export async function drop(client: Client, state: VectorIndexInputs, { host, info }: Operation): Promise<void> {
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
