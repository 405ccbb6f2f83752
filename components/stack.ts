import * as pulumi from "@pulumi/pulumi";
import { StackError } from "../config/problem";
import { readStack, type StackConfig } from "../config/read";
import { oneLine } from "../provider/visible-text";
import { Postgres } from "./postgres";

/** The outputs of a stack. */
export interface StackOutputs {
  host: string;
  port: number;
  version: pulumi.Output<string>;
  /** Name of the server's container. */
  container: string;
  databases: string[];
  /** Passwords of the roles that may log in; secret. */
  rolePasswords: pulumi.Output<Record<string, string>>;
  superuserPassword: pulumi.Output<string>;
}

/** Declares everything in the stack file of the current stack. */
export function declareStack(): StackOutputs {
  const { stack, passwords, passwordsGiven, passphrases, s3Keys } = readOrReport();
  const container = `pgwright-${pulumi.getStack()}`;
  const postgres = new Postgres(container, { ...stack, passwords, passwordsGiven, ...passphrases, ...s3Keys });
  return {
    host: postgres.host,
    port: postgres.port,
    version: postgres.version,
    container,
    databases: Object.keys(stack.databases),
    rolePasswords: postgres.passwords,
    superuserPassword: postgres.superuserPassword,
  };
}

/** Reports a wrong stack file without a stack trace, which would hide what to do. */
function readOrReport(): StackConfig {
  try {
    return readStack();
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    const [first = "", ...problems] = error.lines.map(oneLine);
    throw new pulumi.RunError([first, ...problems].join("\n  "));
  }
}
