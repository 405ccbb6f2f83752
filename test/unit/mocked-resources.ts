import * as pulumi from "@pulumi/pulumi";
import { kinds } from "../../provider/kinds";
import { checkedInputs } from "../../provider/kind";

/** Outputs that other resources of a stack read; the state of a mocked resource is its inputs and these. */
const OUTPUTS = { password: "secret", verifier: "SCRAM-SHA-256$", generation: 1, version: "17.6" };

/** Mocks Pulumi's engine. Returns the inputs of the declared resources, by kind and name; they arrive asynchronously. */
export async function mockResources(): Promise<Record<string, Record<string, unknown>>> {
  const found: Record<string, Record<string, unknown>> = {};
  await pulumi.runtime.setMocks({
    newResource({ type, name, inputs: declared, id }) {
      const inputs = kinds[type] ? checkedInputs(kinds[type], declared) : declared;
      found[`${type.replace("pgwright:index:", "")} ${name}`] = inputs;
      return { id: id ?? name, state: { volume: name, ...inputs, ...OUTPUTS } };
    },
    call: () => ({}),
  });
  return found;
}

/** Waits for an output, and so for the resources that it comes from. */
export const settled = <T>(output: pulumi.Output<T>): Promise<void> =>
  new Promise((done) => void output.apply(() => done()));
