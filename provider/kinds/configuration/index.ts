import type { Kind } from "../../kind";
import { explain } from "./report";
import { write, readBack } from "./files";
import { type ConfigurationInputs, type ConfigurationState, declaration } from "./inputs";

/** The configuration files on their volume. The resource Server makes them take effect. */
export const configuration: Kind<ConfigurationInputs, ConfigurationState> = {
  declaration,
  replaceOn: ["volume"],
  // The image is compared: a new image may lack a library that the configuration names, so it is tried again.
  notCompared: ["settings", "network", "limits"],
  // The reasons were apart from the values.
  currentNames: ({ reasons: _reasons, ...values }) => values,
  explain,
  async create(inputs, { host, preview }) {
    if (!preview) await write(inputs, host);
    return { id: inputs.volume, state: inputs };
  },
  read: (_id, state, inputs, { host }) => readBack(host, { ...state, ...inputs }),
  async update(_id, _old, inputs, { host, preview }) {
    if (!preview) await write(inputs, host);
    return inputs;
  },
  // The files are removed with their volume.
  delete: async () => undefined,
};
