import * as pulumi from "@pulumi/pulumi";
import { Postgres } from "./components/postgres";
import { StackError } from "./config/problem";
import { readStack, type StackConfig } from "./config/read";
import { oneLine } from "./provider/visible-text";

const { stack, passwords, passwordsGiven, passphrases, s3Keys } = readOrReport();
// Pulumi notes a stack trace for each of its promises, in case one is lost, and for each resource, and sends the engine four
// debug messages a resource, one after the other; in a large stack that is most of the time.
if (!process.env.PULUMI_DEBUG_PROMISE_LEAKS) {
  Error.stackTraceLimit = 0;
  Error.prepareStackTrace = String;
  Object.assign(pulumi.log, { debug: () => Promise.resolve() });
}
const name = `pgwright-${pulumi.getStack()}`;
const postgres = new Postgres(name, { ...stack, passwords, passwordsGiven, ...passphrases, ...s3Keys });

export const host = postgres.host;
export const port = postgres.port;
export const version = postgres.version;
export const container = name;
export const databases = Object.keys(stack.databases);
/** Passwords of the roles that may log in, and the superuser's; secret. */
export const rolePasswords = postgres.passwords;
export const superuserPassword = postgres.superuserPassword;

/** A stack file that is wrong is the user's to mend: the message says how, a stack trace would not. */
function readOrReport(): StackConfig {
  try {
    return readStack();
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    const [first = "", ...problems] = error.lines.map(oneLine);
    throw new pulumi.RunError([first, ...problems].join("\n  "));
  }
}
