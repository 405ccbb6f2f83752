import type { Kind } from "../../kind";
import { remove } from "../../data-volume";
import { explainForeign, explainRestore, mustBeNew } from "./report";
import { mustHaveLabels, restores } from "./compare";
import { hasForeignData, nextFreeVolume } from "./volumes";
import { fill, archiveNewestWal } from "./execute";
import { type ClusterInputs, type ClusterState, declaration } from "./inputs";

/**
 * The server's data: a volume with one cluster, new or from a backup. A restore into a stack that has data fills another volume
 * while the server runs, and the server moves to this volume once the checks have passed.
 */
export const cluster: Kind<ClusterInputs, ClusterState> = {
  declaration,
  replaceOn: ["name"],
  notCompared: ["image", "from", "fromSecrets", "handling", "inPlace", "replace", "adopt", "own", "ownSecrets"],
  async explain(old, inputs, operation) {
    const { host, hazard } = operation;
    if (!old) {
      const isForeign = await explainForeign(inputs, operation);
      if (inputs.restoreFrom) await explainRestore(inputs, operation);
      else if (!isForeign) await mustBeNew(inputs, host);
      return;
    }
    mustHaveLabels(old.labels, inputs.labels);
    if (!old.present) {
      if (inputs.restoreFrom) return explainRestore(inputs, operation);
      await mustBeNew(inputs, host);
      return hazard("loss", `volume ${old.volume} is missing with all its data: the update creates an empty cluster`);
    }
    if (restores(old, inputs)) {
      if (!inputs.inPlace) {
        throw new Error(
          `restoreFrom: it has changed, and the stack has data in volume ${old.volume}; write restoreFrom.inPlace: true to replace ` +
            "this data by the restored data (the volume is kept), or restore into another stack",
        );
      }
      await explainRestore(inputs, operation);
      return hazard("loss", `the data of the server is replaced by the restored data; volume ${old.volume} is kept`);
    }
    if (!inputs.restoreFrom && old.previous !== "")
      hazard("loss", `volume ${old.previous}, from before the restore, is removed`);
  },
  async create(inputs, operation) {
    const { name, restoreFrom, replace } = inputs;
    const previous = restoreFrom && replace === name && (await hasForeignData(inputs, operation)) ? name : "";
    const volume = previous === "" ? name : await nextFreeVolume(operation.host, name, name);
    if (!operation.preview) await fill(volume, inputs, operation);
    return { id: name, state: { ...inputs, volume, previous, generation: 1 } };
  },
  async read(_id, state, { name }, { host }) {
    // Earlier versions had a plain volume of that name in the state.
    const { volume = name, previous = "", generation = 1 } = state as Partial<ClusterState>;
    return { ...state, volume, previous, generation, present: await host.volumeExists(volume) };
  },
  async update(_id, old, inputs, operation) {
    const { host, preview } = operation;
    const generation = old.generation + 1;
    if (!old.present) {
      if (!preview) await fill(old.volume, inputs, operation);
      return { ...inputs, volume: old.volume, previous: old.previous, generation };
    }
    if (restores(old, inputs)) {
      const volume = await nextFreeVolume(host, inputs.name, old.volume);
      if (!preview) {
        await remove(host, volume); // a killed restore may have left it
        if (inputs.own && inputs.from?.stanza === inputs.own.stanza) await archiveNewestWal(operation);
        await fill(volume, inputs, operation);
        if (old.previous !== "") await remove(host, old.previous);
      }
      return { ...inputs, volume, previous: old.volume, generation };
    }
    if (!inputs.restoreFrom && !preview) await remove(host, old.previous);
    const previous = inputs.restoreFrom ? old.previous : "";
    return { ...inputs, volume: old.volume, previous, generation: old.generation };
  },
  async delete(_id, { volume, previous }, { host }) {
    await remove(host, volume);
    await remove(host, previous);
  },
};
