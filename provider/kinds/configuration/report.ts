import { gatewaysOf } from "../../gateway";
import type { Operation } from "../../kind";
import { mustSuitDatabases } from "../../database-parameters";
import { tryConfiguration } from "../../trial";
import { rendered } from "./files";
import { changedParameters } from "./compare";
import type { ConfigurationState, ConfigurationInputs } from "./inputs";

/** Refuses a configuration that a server of the image rejects, before the files of the running server are changed. */
export async function explain(old: ConfigurationState | undefined, inputs: ConfigurationInputs, { host }: Operation) {
  const { image, volume, limits, parameters } = inputs;
  if (!(await host.imageExists(image))) return; // a preview cannot try it; the update does so after building the image
  const files = rendered(inputs, await gatewaysOf(host, inputs.network));
  await tryConfiguration(host, { image, volume, files, limits });
  if (old) await mustSuitDatabases(host, parameters, changedParameters(old.parameters, parameters));
}
