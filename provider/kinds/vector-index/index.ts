import type { Kind } from "../../kind";
import { ask, isNoDatabase } from "../../session";
import { explain } from "./report";
import { put, idOf, inTurn, drop } from "./execute";
import { readIndex } from "./compare";
import { type VectorIndexInputs, declaration } from "./inputs";

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
