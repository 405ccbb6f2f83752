import * as pulumi from "@pulumi/pulumi";
import { Postgres } from "./components/postgres";
import { readStack } from "./config/read";

const { stack, passwords, passwordsGiven } = readStack();
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
