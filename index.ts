import * as pulumi from "@pulumi/pulumi";
import { declareStack } from "./components/stack";

// Pulumi records a stack trace for each promise, to find leaked ones, and for each resource, and sends the engine four debug
// messages for each resource, one after the other. In a large stack, this takes most of the time. docs/troubleshooting.md describes
// the switch.
if (process.env.PGWRIGHT_TRACE !== "true") {
  Error.stackTraceLimit = 0;
  Error.prepareStackTrace = String;
  Object.assign(pulumi.log, { debug: () => Promise.resolve() });
}

export const { host, port, version, container, databases, rolePasswords, superuserPassword } = declareStack();
