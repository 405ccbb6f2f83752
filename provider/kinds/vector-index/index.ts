import type { Client } from "pg";
import { quoteObjectName, writeObjectName } from "../../../config/object-name";
import { differences, type Kind, type Operation } from "../../kind";
import type { Host } from "../../host";
import { whyDown } from "../../readiness";
import { ask, isNoDatabase, withDatabase } from "../../session";
import { build, dropIndex, spelled } from "./build";
import { bookedAs, definitionOf, findBooks, findColumn, findIndex } from "./catalog";
import { nameWhileBuilt, whyNot } from "./statements";
import type { VectorIndexInputs, VectorIndexState } from "./inputs";
import { forget, keepBooks, problemsOfBooks } from "./recall";
import { buildInWords, warningsOf } from "./words";

export type { VectorIndexInputs, VectorIndexState } from "./inputs";

/** What is there; undefined if the index is not, nor a part of it. `condition`: how the catalog spells that of the state. */
async function look(client: Client, state: VectorIndexState): Promise<VectorIndexState | undefined> {
  const found = await findIndex(client, state);
  const begun = await findIndex(client, nameWhileBuilt(state));
  if (!found && !begun) return undefined;
  const problems: string[] = [];
  if (!found) problems.push("it is not there");
  else if (!found.valid) problems.push(found.partitioned ? "partitions have no part of it" : "it is invalid");
  if (begun) problems.push("a build was interrupted");
  const books = await findBooks(client, state);
  if (books && differences(books.declared, bookedAs(state)).length > 0)
    problems.push("what the books have of it is not what is declared");
  return {
    ...state,
    definition: found ? definitionOf(found, state.definition, state.condition) : state.definition,
    problems: [...problems, ...problemsOfBooks(state, books)],
  };
}

/** Does something differ that only a new index can have? */
const needsBuild = (now: VectorIndexState | undefined, inputs: VectorIndexInputs, valid: boolean) =>
  !now || !valid || differences(now.definition, inputs.definition).length > 0;

/** What a recall depends on beside the index. */
const searchOf = (inputs: VectorIndexInputs | undefined) => ({
  recall: inputs?.recall,
  search: inputs?.search,
  iterativeScan: inputs?.iterativeScan,
});

const turns = new WeakMap<Host, Promise<unknown>>();

/** One after the other on a server: a build may use all of maintenance_work_mem and /dev/shm, and a query is timed. */
function inTurn<T>(host: Host, act: () => Promise<T>): Promise<T> {
  const turn = (turns.get(host) ?? Promise.resolve()).then(act, act);
  turns.set(host, turn);
  return turn;
}

async function put(
  inputs: VectorIndexInputs,
  old: VectorIndexState | undefined,
  { host, info, warn }: Operation,
): Promise<VectorIndexState> {
  return withDatabase(host, inputs.database, async (client) => {
    await client.query("SET statement_timeout = 0; SET transaction_timeout = 0");
    const condition = await spelled(client, inputs.definition);
    const now = await look(client, { ...inputs, condition });
    const index = await findIndex(client, inputs);
    const built = needsBuild(now, inputs, index?.valid === true);
    if (built) await build(client, inputs, info, warn);
    const changed = differences(searchOf(old), searchOf(inputs));
    const unwell = problemsOfBooks(inputs, await findBooks(client, inputs)).length > 0;
    await keepBooks(client, inputs, built || changed.length > 0 || unwell, info);
    return { ...inputs, condition };
  });
}

async function explain(old: VectorIndexState | undefined, inputs: VectorIndexInputs, operation: Operation) {
  const { host, preview, info, warn, effect } = operation;
  if (!preview || (await whyDown(host))) return;
  try {
    await withDatabase(host, inputs.database, async (client) => {
      const { definition, recall } = inputs;
      for (const problem of old?.problems ?? []) warn(`${problem}; it will be put right`);
      const column = await findColumn(client, definition);
      if (!column) return info(`it is built as soon as ${definition.table} is there`);
      const reason = whyNot(definition, column);
      if (reason) return warn(`${reason}: unless this update makes what is missing, it will fail`);
      const found = await findIndex(client, inputs);
      const same = found && differences(definitionOf(found, definition, old?.condition), definition).length === 0;
      if (found?.valid && same) {
        if (!old) info(`takes up ${quoteObjectName(inputs)}, which is there`);
      } else {
        info(buildInWords(definition, column));
        if (found && !same) info("the index that is there serves until then, and is dropped");
        if (column.partitioned)
          effect(
            "briefLock",
            `${definition.table} is locked while its index is declared${found ? ", and while the old one is dropped" : ""}`,
          );
        for (const warning of warningsOf(definition, column)) warn(warning);
      }
      if (recall)
        info(
          `measures its recall with ${recall.queries} queries, each of which reads about ${Math.round(column.rows).toLocaleString("en-US")} rows once`,
        );
    });
  } catch (error) {
    if (!isNoDatabase(error)) throw error;
    info("it is built as soon as its table is there");
  }
}

/** A vector index: built beside queries, with the recall that is declared. */
export const vectorIndex: Kind<VectorIndexInputs, VectorIndexState> = {
  replaceOn: ["database", "schema", "name"],
  noneIfAbsent: ["search", "iterativeScan", "recall"],
  explain,
  async create(inputs, operation) {
    const state = operation.preview ? inputs : await inTurn(operation.host, () => put(inputs, undefined, operation));
    return { id: `${inputs.database}/${writeObjectName(inputs)}`, state };
  },
  async read(_id, state, _inputs, { host }) {
    try {
      return await ask<VectorIndexState | undefined>(host, state.database, (client) => look(client, state), state);
    } catch (error) {
      if (isNoDatabase(error)) return undefined;
      throw error;
    }
  },
  async update(_id, old, inputs, operation) {
    if (operation.preview) return { ...inputs, condition: old.condition };
    return inTurn(operation.host, () => put(inputs, old, operation));
  },
  async delete(_id, state, { host, info }) {
    try {
      await withDatabase(host, state.database, async (client) => {
        for (const name of [state, nameWhileBuilt(state)]) {
          const found = await findIndex(client, name);
          if (found) await dropIndex({ client, info }, name, found);
        }
        if (await findBooks(client, state)) await forget(client, quoteObjectName(state), info);
      });
    } catch (error) {
      if (!isNoDatabase(error)) throw error; // gone with its database
    }
  },
};
