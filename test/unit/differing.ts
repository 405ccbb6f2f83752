import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { DiffRequest, type DiffResponse } from "@pulumi/pulumi/proto/provider_pb";
import { kinds } from "../../provider/kinds";
import { providerServer } from "../../provider/rpc";

type Diff = (call: { request: DiffRequest }, respond: (error: Error | null, found: DiffResponse) => void) => void;

const { server } = providerServer("0.0.0", kinds, undefined);

const struct = (value: object) => Struct.fromJavaScript(JSON.parse(JSON.stringify(value)));

/** Paths of the properties in which the plugin finds a state different from the new inputs. `oldInputs`: of the last update. */
export async function differing(kind: string, oldInputs: object, state: object, inputs: object): Promise<string[]> {
  const request = new DiffRequest();
  request.setUrn(`urn:pulumi:dev::pgwright::pgwright:index:${kind}::name`);
  request.setOldInputs(struct(oldInputs));
  request.setOlds(struct(state));
  request.setNews(struct(inputs));
  const found = await new Promise<DiffResponse>((done, fail) => {
    (server.diff as unknown as Diff)({ request }, (error, response) => (error ? fail(error) : done(response)));
  });
  return found
    .getDetaileddiffMap()
    .toArray()
    .map(([path]) => path);
}
