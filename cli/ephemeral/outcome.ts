import { resolve } from "node:path";
import { print, printJson } from "../print";
import { ROOT, type Project } from "../project";
import { containerName } from "../server";
import type { Outputs } from "../summary";
import type { EPHEMERAL_UP, Values } from "../options";
import { formatDuration, timeText } from "./arguments";
import { envText, writeSecretFile } from "./connection";

export interface Outcome {
  name: string;
  expires: number;
  /** The stack file that it was derived from, and the keys of that file that were dropped. */
  from: string;
  ignoredKeys: string[];
  /** The role and database of the file of variables. */
  login?: { role: string; database: string };
  options: Values<typeof EPHEMERAL_UP>;
}

interface OutputsWithSecrets extends Outputs {
  rolePasswords: Record<string, string>;
  superuserPassword: string;
}

/** Prints the address of the server as text or JSON, and writes the file of variables. Passwords go only into JSON and file. */
export async function printOutcome(project: Project, outcome: Outcome): Promise<void> {
  const { options, login, name, expires } = outcome;
  const outputs = await readOutputs(project, name);
  const { host, port, databases } = outputs;
  const roles: Record<string, string> = { ...outputs.rolePasswords, postgres: outputs.superuserPassword };
  if (login && options.env !== undefined) {
    const connection = { host, port, ...login, password: roles[login.role] as string };
    writeSecretFile(resolve(ROOT, options.env), envText(connection));
  }
  if (options.json) printJson({ stack: name, expires: timeText(expires), host, port, databases, roles });
  else print(...describeOutcome(outcome, outputs));
}

async function readOutputs(project: Project, stack: string): Promise<OutputsWithSecrets> {
  const { code, stdout, stderr } = await project.capture([
    "stack",
    "output",
    "--json",
    "--show-secrets",
    "--stack",
    stack,
  ]);
  if (code !== 0) throw new Error(stderr.trim());
  return JSON.parse(stdout) as OutputsWithSecrets;
}

function describeOutcome({ name, expires, from, ignoredKeys, login, options }: Outcome, outputs: Outputs): string[] {
  const { version, host, port, databases } = outputs;
  const [database = "postgres"] = databases;
  const lines = [
    ["until", formatDuration(expires, Date.now())],
    ["address", `${host}:${port}`],
    ["databases", databases.join(", ") || "postgres"],
    ...(ignoredKeys.length > 0
      ? [["ignored", `${ignoredKeys.join(", ")} of ${from}: not supported by ephemeral stacks`]]
      : []),
    ...(login ? [["variables", `${options.env}, for role ${login.role} in database ${login.database}`]] : []),
    ["as superuser", `npm run psql -- --stack ${name} -d ${database}`],
    ...(login ? [] : [["for programs", `npm run --silent ephemeral -- up ${name} --json, or --env FILE`]]),
    ["take it down", `npm run ephemeral -- destroy ${name}`],
  ];
  return [
    "",
    `PostgreSQL ${version} is ready in container ${containerName(name)}`,
    "",
    ...lines.map(([what = "", text]) => `  ${what.padEnd(13)} ${text}`),
  ];
}
