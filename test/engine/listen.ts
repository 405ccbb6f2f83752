import type { Server } from "@grpc/grpc-js";
import { ServerCredentials } from "@grpc/grpc-js";

/** Starts a server on a free port of this machine; returns the port. */
export function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
}
