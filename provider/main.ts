import * as grpc from "@grpc/grpc-js";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { kinds } from "./kinds";
import { engineAt, providerServer } from "./rpc";

const { version } = JSON.parse(readFileSync(join(__dirname, "..", "package.json"), "utf8"));
const engineAddress = process.argv.slice(2).find((argument) => !argument.startsWith("-"));
const { service, server } = providerServer(version, kinds, engineAddress ? engineAt(engineAddress) : undefined);

const listener = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
listener.addService(service, server);
listener.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`); // the engine reads the port from the first line
});
