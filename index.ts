import * as pulumi from "@pulumi/pulumi";
import { declareStack } from "./components/stack";

// Pulumi notes a stack trace for each of its promises, in case one is lost, and for each resource, and sends the engine four
// debug messages a resource, one after the other; in a large stack that is most of the time.
if (!process.env.PULUMI_DEBUG_PROMISE_LEAKS) {
  Error.stackTraceLimit = 0;
  Error.prepareStackTrace = String;
  Object.assign(pulumi.log, { debug: () => Promise.resolve() });
}

export const { host, port, version, container, databases, rolePasswords, superuserPassword } = declareStack();
