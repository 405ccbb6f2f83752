import * as pulumi from "@pulumi/pulumi";
import { Postgres } from "./components/postgres";
import { StackError } from "./config/parse";
import { readStack, type StackConfig } from "./config/read";

/** What is wrong with the stack file is for its author: without a stack trace. */
function configuration(): StackConfig {
  try {
    return readStack();
  } catch (error) {
    throw error instanceof StackError ? new pulumi.RunError(error.message) : error;
  }
}

const { stack, passwords, passwordsGiven } = configuration();
const name = `pgwright-${pulumi.getStack()}`;
const postgres = new Postgres(name, { ...stack, passwords, passwordsGiven });

export const host = postgres.host;
export const port = postgres.port;
export const version = postgres.version;
export const container = name;
export const databases = Object.keys(stack.databases);
/** Passwords of the roles that may log in, and the superuser's; secret. */
export const rolePasswords = postgres.passwords;
export const superuserPassword = postgres.superuserPassword;
