import * as grpc from "@grpc/grpc-js";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService, type IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { refusal, withHazard, type Guards, type ReportedHazard } from "./hazard";
import { Host } from "./host";
import { checkedInputs, differences, Incomplete, type AnyKind, type Operation, type Properties } from "./kind";
import { closeAllConnections } from "./session";
import { nameOf, typeOf } from "./urn";
import { oneLine, visible } from "./visible-text";

// The part of Pulumi's plugin protocol that resources need. The SDK's own `provider.main` does not offer what an accurate preview
// needs: detailed diffs, messages under a resource, previews of creates, and the refresh before each update.

type Unary<Req, Res> = (request: Req) => Promise<Res> | Res;

const { DIFF_NONE, DIFF_SOME } = proto.DiffResponse.DiffChanges;
const KINDS = proto.PropertyDiff.Kind;

function handler<Req, Res>(act: Unary<Req, Res>): grpc.handleUnaryCall<Req, Res> {
  return (call, respond) => {
    Promise.resolve()
      .then(() => act(call.request))
      .then((response) => respond(null, response))
      .catch((error: Error) => respond(asStatus(error)));
  };
}

/** Converts an error for gRPC; the state of an Incomplete object is included. */
function asStatus(error: Error): Partial<grpc.StatusObject> {
  const message = visible(error.message);
  if (!(error instanceof Incomplete)) return { code: grpc.status.UNKNOWN, details: message };
  const failed = new proto.ErrorResourceInitFailed();
  failed.setId(error.id);
  failed.setProperties(struct(error.state));
  failed.setReasonsList([message]);
  failed.setRefreshBeforeUpdate(true);
  const detail = new Any();
  detail.pack(failed.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new Status();
  status.setCode(grpc.status.UNKNOWN);
  status.setMessage(message);
  status.addDetails(detail);
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return { code: grpc.status.UNKNOWN, details: message, metadata };
}

function properties(struct: Struct | undefined): Properties {
  return (struct?.toJavaScript() ?? {}) as Properties;
}

/** Values out of the state, which an earlier version may have written. */
function recorded(kind: AnyKind, struct: Struct | undefined): Properties {
  const values = properties(struct);
  return kind.currentNames?.(values) ?? values;
}

// Struct cannot hold undefined, so properties without a value are left out.
function struct(value: object): Struct {
  return Struct.fromJavaScript(JSON.parse(JSON.stringify(value)));
}

/** Pulumi's engine, as far as the plugin needs it. */
export type EngineLog = Pick<EngineClient, "log">;

/** The engine that listens on this address. */
export function engineAt(address: string): EngineLog {
  return new EngineClient(address, grpc.credentials.createInsecure());
}

/** Creates the gRPC handlers of the plugin for these kinds, by type token. */
export function providerServer(version: string, kinds: Record<string, AnyKind>, engine: EngineLog | undefined) {
  // Messages are sent one after another, since concurrent calls can arrive in any order.
  let logged: Promise<void> = Promise.resolve();
  let host = new Host("");
  let guards: Guards = { forbid: [], except: [] };

  const kindOf = (urn: string): AnyKind => {
    const type = typeOf(urn);
    const kind = kinds[type];
    if (!kind)
      throw new Error(`resource type ${type}: unknown to pgwright; use one of ${Object.keys(kinds).join(", ")}`);
    return kind;
  };

  const operation = (urn: string, preview: boolean): Operation => {
    const log =
      (severity: LogSeverity) =>
      (first: string, ...lines: string[]) => {
        const request = new LogRequest();
        request.setSeverity(severity);
        request.setMessage([first, ...lines].map(oneLine).join("\n  "));
        request.setUrn(urn);
        logged = logged.then(() => new Promise((done) => (engine ? engine.log(request, () => done()) : done())));
      };
    const [info, warn] = [log(LogSeverity.INFO), log(LogSeverity.WARNING)];
    return {
      urn,
      name: nameOf(urn),
      preview,
      info,
      warn,
      hazard: (hazard, first, ...lines) => (hazard === "loss" ? warn : info)(withHazard(hazard, first), ...lines),
      host,
    };
  };

  /** Reports what a change will do, and refuses hazards that the stack file forbids, before anything is changed. */
  const explain = async (kind: AnyKind, old: Properties | undefined, inputs: Properties, now: Operation) => {
    const reported: ReportedHazard[] = [];
    const hazard: Operation["hazard"] = (each, ...lines) => {
      reported.push({ hazard: each, lines });
      now.hazard(each, ...lines);
    };
    await kind.explain?.(old, inputs, { ...now, hazard });
    const problem = refusal(reported, guards);
    if (problem) throw new Error(problem);
  };

  /** A handler whose messages arrive before its answer. */
  const reporting = <Req, Res>(act: Unary<Req, Res>) =>
    handler<Req, Res>(async (request) => {
      try {
        return await act(request);
      } finally {
        await logged;
      }
    });

  const server: Partial<IResourceProviderServer> = {
    handshake: handler(() => {
      const response = new proto.ProviderHandshakeResponse();
      return response; // without support for secrets, resources and outputs, the engine unwraps them and restores them in the state
    }),
    getPluginInfo: handler(() => {
      const info = new PluginInfo();
      info.setVersion(version);
      return info;
    }),
    attach: handler((request) => {
      engine = engineAt(request.getAddress());
      return new Empty();
    }),
    cancel: handler(() => new Empty()),
    getSchema: handler(() => {
      const response = new proto.GetSchemaResponse();
      const schema = JSON.parse(readFileSync(join(__dirname, "package-schema.json"), "utf8"));
      response.setSchema(JSON.stringify({ ...schema, version }));
      return response;
    }),

    checkConfig: handler((request: proto.CheckRequest) => {
      const response = new proto.CheckResponse();
      response.setInputs(request.getNews());
      return response;
    }),
    // A change of the engine or the container name must not replace the resources inside PostgreSQL.
    diffConfig: handler(() => {
      const response = new proto.DiffResponse();
      response.setChanges(proto.DiffResponse.DiffChanges.DIFF_UNKNOWN);
      return response;
    }),
    configure: handler((request: proto.ConfigureRequest) => {
      const config = properties(request.getArgs());
      host = new Host(String(config.container ?? ""), config.engine ? String(config.engine) : undefined);
      if (config.guards) guards = JSON.parse(String(config.guards)) as Guards;
      const response = new proto.ConfigureResponse();
      response.setSupportspreview(true);
      return response;
    }),

    check: reporting(async (request: proto.CheckRequest) => {
      const kind = kindOf(request.getUrn());
      const inputs = checkedInputs(kind, properties(request.getNews()));
      const response = new proto.CheckResponse();
      response.setInputs(struct(inputs));
      const found = (await kind.check?.(inputs, operation(request.getUrn(), true))) ?? [];
      // Not as failures of the protocol: Pulumi prints these with the value, which may be a secret or the text of all files.
      if (found.length > 0) throw new Error(found.map(({ property, reason }) => `${property}: ${reason}`).join("\n"));
      return response;
    }),

    diff: handler(async (request: proto.DiffRequest) => {
      const kind = kindOf(request.getUrn());
      const state = recorded(kind, request.getOlds());
      // A refresh compares with the inputs out of the state.
      const inputs = recorded(kind, request.getNews());
      const ignored = new Set([...(kind.notCompared ?? []), ...request.getIgnorechangesList()]);
      const known = { ...recorded(kind, request.getOldInputs()), ...inputs };
      const compared = [...new Set([...Object.keys(known), ...(kind.noneIfAbsent ?? [])])].filter(
        (key) => !ignored.has(key),
      );
      const pick = (from: Properties) => Object.fromEntries(compared.map((key) => [key, from[key]]));
      const found = differences(pick(kind.compared?.(state, inputs) ?? state), pick(inputs));

      const response = new proto.DiffResponse();
      response.setChanges(found.length > 0 ? DIFF_SOME : DIFF_NONE);
      response.setHasdetaileddiff(true);
      const replaced = new Set<string>();
      for (const { path, kind: change } of found) {
        const top = /^[^.[]+/.exec(path)?.[0] ?? path;
        const replaces = kind.replaceOn?.includes(top) ?? false;
        if (replaces) replaced.add(top);
        const property = new proto.PropertyDiff();
        property.setKind(
          {
            add: replaces ? KINDS.ADD_REPLACE : KINDS.ADD,
            update: replaces ? KINDS.UPDATE_REPLACE : KINDS.UPDATE,
            delete: replaces ? KINDS.DELETE_REPLACE : KINDS.DELETE,
          }[change],
        );
        response.getDetaileddiffMap().set(path, property);
      }
      response.setReplacesList([...replaced]);
      response.setDeletebeforereplace(replaced.size > 0);
      response.setDiffsList([...new Set(found.map(({ path }) => /^[^.[]+/.exec(path)?.[0] ?? path))]);
      return response;
    }),

    create: reporting(async (request: proto.CreateRequest) => {
      const kind = kindOf(request.getUrn());
      const inputs = properties(request.getProperties());
      const now = operation(request.getUrn(), request.getPreview());
      await explain(kind, undefined, inputs, now);
      const { id, state } = await kind.create(inputs, now);
      const response = new proto.CreateResponse();
      response.setId(id);
      response.setProperties(struct({ ...inputs, ...state }));
      response.setRefreshBeforeUpdate(true);
      return response;
    }),

    read: reporting(async (request: proto.ReadRequest) => {
      const kind = kindOf(request.getUrn());
      const inputs = recorded(kind, request.getInputs());
      const now = operation(request.getUrn(), true);
      const state = await kind.read(request.getId(), recorded(kind, request.getProperties()), inputs, now);
      const response = new proto.ReadResponse();
      if (!state) return response; // without an id, Pulumi removes the resource from the state
      response.setId(request.getId());
      response.setProperties(struct(state));
      response.setInputs(struct(inputs));
      response.setRefreshBeforeUpdate(true);
      return response;
    }),

    update: reporting(async (request: proto.UpdateRequest) => {
      const kind = kindOf(request.getUrn());
      const old = recorded(kind, request.getOlds());
      const inputs = properties(request.getNews());
      const now = operation(request.getUrn(), request.getPreview());
      await explain(kind, old, inputs, now);
      const state = await kind.update(request.getId(), old, inputs, now);
      const response = new proto.UpdateResponse();
      response.setProperties(struct({ ...inputs, ...state }));
      response.setRefreshBeforeUpdate(true);
      return response;
    }),

    delete: reporting(async (request: proto.DeleteRequest) => {
      const now = operation(request.getUrn(), false);
      const kind = kindOf(request.getUrn());
      await kind.delete(request.getId(), recorded(kind, request.getProperties()), now);
      return new Empty();
    }),
  };
  return {
    service: ResourceProviderService,
    server: server as unknown as grpc.UntypedServiceImplementation,
    /** Closes the connections to the server, for a process that continues without the plugin. */
    close: () => closeAllConnections(host),
  };
}
