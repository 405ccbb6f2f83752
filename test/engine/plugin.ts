import * as grpc from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Incomplete, sorted, type Properties } from "../../provider/kind";
import { kinds } from "../../provider/kinds";
import { providerServer, type EngineLog } from "../../provider/rpc";
import type { ResourceState } from "./resource-state";
import { readVersions } from "../../toolchain/versions";

const UNLIMITED = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

export interface Diff {
  changed: boolean;
  /** Top-level names of the inputs that differ. */
  keys: string[];
  replaces: string[];
  deleteBeforeReplace: boolean;
  detailed: Record<string, { kind: string }> | null;
}

/** What a plugin has made of a resource. */
export interface Made {
  id: string;
  outputs: Properties;
  refreshBeforeUpdate: boolean;
}

const KINDS = ["add", "add-replace", "delete", "delete-replace", "update", "update-replace"];
const { DIFF_UNKNOWN, DIFF_SOME } = proto.DiffResponse.DiffChanges;

type Done = (error: grpc.ServiceError | null, response: unknown) => void;

/** A plugin of resources that runs, in this process or as one of its own. */
export class Plugin {
  private constructor(
    private readonly send: (method: string, request: unknown, done: Done) => void,
    readonly close: () => Promise<void>,
  ) {}

  /** pgwright's own plugin: its handlers are called within this process. */
  static own(engine: EngineLog): Plugin {
    const { server, close } = providerServer("0.0.0", kinds, engine);
    const handlers = server as unknown as Record<string, (call: { request: unknown }, done: Done) => void>;
    return new Plugin((method, request, done) => handlers[method]?.({ request }, done), close);
  }

  /** Starts the plugin of another package. `pulumi`: the program that installs it if it is missing. */
  static async start(name: string, pulumi: string, env: NodeJS.ProcessEnv, engineAddress: string): Promise<Plugin> {
    const version = readVersions().plugins[name] ?? "";
    const home = env.PULUMI_HOME ?? join(homedir(), ".pulumi");
    const program = join(home, "plugins", `resource-${name}-v${version}`, `pulumi-resource-${name}`);
    if (!existsSync(program)) execFileSync(pulumi, ["plugin", "install", "resource", name, version], { env });
    const child = spawn(program, [engineAddress], { env, stdio: ["ignore", "pipe", "pipe"] });
    process.once("exit", () => child.kill("SIGKILL"));
    const client = clientOf(await portOf(child, name));
    const methods = client as unknown as Record<string, (request: unknown, done: Done) => void>;
    return new Plugin(
      (method, request, done) => methods[method]?.call(client, request, done),
      async () => {
        client.close();
        child.kill("SIGKILL");
      },
    );
  }

  async configure(settings: Properties, name: string): Promise<void> {
    const request = new proto.ConfigureRequest();
    const inputs = { ...settings };
    delete inputs.version;
    request.setArgs(toStruct(inputs));
    for (const [key, value] of Object.entries(inputs))
      request.getVariablesMap().set(`${name}:config:${key}`, typeof value === "string" ? value : JSON.stringify(value));
    request.setSendsOldInputs(true);
    request.setSendsOldInputsToDelete(true);
    await this.call<proto.ConfigureRequest, proto.ConfigureResponse>("configure", request);
  }

  async check(urn: string, old: Properties | undefined, inputs: Properties): Promise<Properties> {
    const request = new proto.CheckRequest();
    request.setUrn(urn);
    if (old) request.setOlds(toStruct(old));
    request.setNews(toStruct(inputs));
    request.setRandomseed(new Uint8Array(32));
    const response = await this.call<proto.CheckRequest, proto.CheckResponse>("check", request);
    const failures = response.getFailuresList().map((each) => `${each.getProperty()}: ${each.getReason()}`);
    if (failures.length > 0) throw new Error(failures.join("\n"));
    return fromStruct(response.getInputs());
  }

  async diff(old: ResourceState, inputs: Properties, ignore: string[]): Promise<Diff> {
    const request = about(new proto.DiffRequest(), old);
    request.setOlds(toStruct(old.outputs));
    request.setOldInputs(toStruct(old.inputs));
    request.setNews(toStruct(inputs));
    request.setIgnorechangesList(ignore);
    const response = await this.call<proto.DiffRequest, proto.DiffResponse>("diff", request);
    const detailed: Record<string, { kind: string }> = {};
    response.getDetaileddiffMap().forEach((each, path) => (detailed[path] = { kind: KINDS[each.getKind()] ?? "" }));
    const differs = JSON.stringify(old.inputs) !== JSON.stringify(inputs);
    const changes = response.getChanges();
    return {
      changed: changes === DIFF_SOME || (changes === DIFF_UNKNOWN && differs),
      keys: response.getDiffsList(),
      replaces: response.getReplacesList(),
      deleteBeforeReplace: response.getDeletebeforereplace(),
      detailed: response.getHasdetaileddiff() ? detailed : null,
    };
  }

  async create(urn: string, inputs: Properties, preview: boolean): Promise<Made> {
    const request = new proto.CreateRequest();
    request.setUrn(urn);
    request.setProperties(toStruct(inputs));
    request.setPreview(preview);
    const response = await this.call<proto.CreateRequest, proto.CreateResponse>("create", request);
    return madeOf(response.getId(), response);
  }

  /** Undefined when it is gone. */
  async read(old: ResourceState): Promise<(Made & { inputs: Properties }) | undefined> {
    const request = about(new proto.ReadRequest(), old);
    request.setInputs(toStruct(old.inputs));
    request.setProperties(toStruct(old.outputs));
    const response = await this.call<proto.ReadRequest, proto.ReadResponse>("read", request);
    if (!response.getId()) return undefined;
    const inputs = response.hasInputs() ? fromStruct(response.getInputs()) : old.inputs;
    return { ...madeOf(response.getId(), response), inputs };
  }

  async update(old: ResourceState, inputs: Properties, ignore: string[], preview: boolean): Promise<Made> {
    const request = about(new proto.UpdateRequest(), old);
    request.setOlds(toStruct(old.outputs));
    request.setOldInputs(toStruct(old.inputs));
    request.setNews(toStruct(inputs));
    request.setIgnorechangesList(ignore);
    request.setPreview(preview);
    const response = await this.call<proto.UpdateRequest, proto.UpdateResponse>("update", request);
    return madeOf(old.id ?? "", response);
  }

  async delete(old: ResourceState): Promise<void> {
    const request = about(new proto.DeleteRequest(), old);
    request.setProperties(toStruct(old.outputs));
    request.setOldInputs(toStruct(old.inputs));
    await this.call("delete", request);
  }

  private call<Req, Res>(method: string, request: Req): Promise<Res> {
    return new Promise((resolve, reject) =>
      this.send(method, request, (error, response) => (error ? reject(asError(error)) : resolve(response as Res))),
    );
  }
}

/** The request with the resource that it is about. */
function about<Req extends { setUrn(urn: string): unknown; setId(id: string): unknown }>(
  request: Req,
  { urn, id = "" }: ResourceState,
): Req {
  request.setUrn(urn);
  request.setId(id);
  return request;
}

function madeOf(
  id: string,
  response: { getProperties(): Struct | undefined; getRefreshBeforeUpdate(): boolean },
): Made {
  return { id, outputs: fromStruct(response.getProperties()), refreshBeforeUpdate: response.getRefreshBeforeUpdate() };
}

function clientOf(port: number): ResourceProviderClient {
  return new ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), UNLIMITED);
}

/** The port that a plugin listens on: the first line that it prints. */
function portOf(child: ChildProcess, name: string): Promise<number> {
  let problem = "";
  child.stderr?.on("data", (chunk) => (problem += chunk));
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once("line", (line) => resolve(Number(line)));
    child.once("error", reject);
    child.once("close", () => reject(new Error(`plugin ${name} has ended: ${problem}`)));
  });
}

/** The error as the handler threw it: Incomplete where something was made all the same. */
function asError(error: grpc.ServiceError): Error {
  const [packed] = error.metadata?.get("grpc-status-details-bin") ?? [];
  const detail =
    packed === undefined ? undefined : Status.deserializeBinary(packed as unknown as Uint8Array).getDetailsList()[0];
  if (detail?.getTypeName() !== "pulumirpc.ErrorResourceInitFailed") return new Error(error.details);
  const failed = ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
  return new Incomplete(failed.getReasonsList().join("\n"), failed.getId(), fromStruct(failed.getProperties()));
}

/** With the keys in order, as Pulumi's engine sends them. */
function toStruct(value: Properties): Struct {
  return Struct.fromJavaScript(sorted(JSON.parse(JSON.stringify(value))) as never);
}

export function fromStruct(struct: Struct | undefined): Properties {
  return (struct?.toJavaScript() ?? {}) as Properties;
}
