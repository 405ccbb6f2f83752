import * as grpc from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/engine_pb";
import { listen } from "./listen";

export interface Message {
  urn: string;
  severity: "info" | "warning" | "error";
  text: string;
}

const SEVERITIES = { 1: "info", 2: "warning", 3: "error" } as const;

/** The service that program and plugins report to: keeps their messages, in the order in which they come. */
export class EngineServer {
  private messages: Message[] = [];
  private rootUrn = "";
  private readonly server = new grpc.Server();
  address = "";

  async listen(): Promise<void> {
    this.server.addService(EngineService, {
      log: (call: { request: proto.LogRequest }, respond: grpc.sendUnaryData<Empty>) => {
        this.note(call.request);
        respond(null, new Empty());
      },
      getRootResource: (_: unknown, respond: grpc.sendUnaryData<proto.GetRootResourceResponse>) => {
        const response = new proto.GetRootResourceResponse();
        response.setUrn(this.rootUrn);
        respond(null, response);
      },
      setRootResource: (
        call: { request: proto.SetRootResourceRequest },
        respond: grpc.sendUnaryData<proto.SetRootResourceResponse>,
      ) => {
        this.rootUrn = call.request.getUrn();
        respond(null, new proto.SetRootResourceResponse());
      },
    } as unknown as grpc.UntypedServiceImplementation);
    this.address = `127.0.0.1:${await listen(this.server)}`;
  }

  private note(request: proto.LogRequest): void {
    const severity = SEVERITIES[request.getSeverity() as keyof typeof SEVERITIES];
    if (severity) this.messages.push({ urn: request.getUrn(), severity, text: request.getMessage() });
  }

  /** The messages since the last call. */
  take(): Message[] {
    return this.messages.splice(0);
  }

  close(): void {
    this.server.forceShutdown();
  }
}
