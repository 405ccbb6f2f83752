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

type Respond<Response> = (error: grpc.ServiceError | null, response: Response) => void;

/**
 * The service that program and plugins report to: keeps their messages, in the order in which they come. Those of this process
 * call it directly.
 */
export class EngineServer {
  private messages: Message[] = [];
  private rootUrn = "";
  private readonly server = new grpc.Server();
  address = "";

  async listen(): Promise<void> {
    const called =
      <Req, Res>(act: (request: Req, respond: Respond<Res>) => void) =>
      (call: { request: Req }, respond: Respond<Res>) =>
        act.call(this, call.request, respond);
    this.server.addService(EngineService, {
      log: called(this.log),
      getRootResource: called(this.getRootResource),
      setRootResource: called(this.setRootResource),
    } as unknown as grpc.UntypedServiceImplementation);
    this.address = `127.0.0.1:${await listen(this.server)}`;
  }

  log(request: proto.LogRequest, respond: Respond<Empty>): void {
    const severity = SEVERITIES[request.getSeverity() as keyof typeof SEVERITIES];
    if (severity) this.messages.push({ urn: request.getUrn(), severity, text: request.getMessage() });
    respond(null, new Empty());
  }

  getRootResource(_: unknown, respond: Respond<proto.GetRootResourceResponse>): void {
    const response = new proto.GetRootResourceResponse();
    response.setUrn(this.rootUrn);
    respond(null, response);
  }

  setRootResource(request: proto.SetRootResourceRequest, respond: Respond<proto.SetRootResourceResponse>): void {
    this.rootUrn = request.getUrn();
    respond(null, new proto.SetRootResourceResponse());
  }

  /** The messages since the last call. */
  take(): Message[] {
    return this.messages.splice(0);
  }

  close(): void {
    this.server.forceShutdown();
  }
}
