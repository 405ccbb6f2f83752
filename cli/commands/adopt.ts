import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import type { Told } from "../../adopt/told";
import { adopt as adoptServer, type Adoption } from "../../adopt/stack";
import { writeStackFile } from "../../adopt/stack-file";
import { ownImage } from "../../components/image";
import { ensureEngine } from "../../toolchain/docker";
import { Host } from "../../provider/host";
import type { Invocation } from "../invocation";
import { log, print } from "../print";
import { readContainer, readServer } from "../read-server";
import { stackFile } from "../server";
import { ContainerSource, UrlSource } from "../source";

const USAGE =
  "npm run adopt -- --from CONTAINER|postgresql://USER@HOST:PORT/DATABASE --stack NAME [--port PORT] [--engine ENGINE] [--force]";

export interface Request {
  from: string;
  port?: number;
  engine?: string;
  force: boolean;
}

/** What the arguments ask for. */
export function adoptRequest(args: string[]): Request {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ args, options: { from: text, port: text, engine: text, force: { type: "boolean" } } });
  const { from, port, engine, force = false } = values;
  if (!from) throw new Error(USAGE);
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65535 && /^\d+$/.test(port)))
    throw new Error(`--port ${port}: write a whole number from 1 to 65535`);
  return { from, engine, force, ...(port === undefined ? {} : { port: Number(port) }) };
}

/** Of a stack file that is written anew: what Pulumi needs for the stack, and secrets. */
function keptOf(file: string): Record<string, unknown> {
  const { config = {}, ...others } = (existsSync(file) ? parse(readFileSync(file, "utf8")) : undefined) ?? {};
  const secrets = Object.entries(config as object).filter(([, value]) => JSON.stringify(value).includes('"secure":'));
  return { ...others, config: Object.fromEntries(secrets) };
}

async function read({ from, engine }: Request) {
  if (/^postgres(ql)?:/.test(from)) return readServer(await UrlSource.open(from));
  await ensureEngine({ log });
  const host = new Host(from, engine);
  return readServer(await ContainerSource.open(host), await readContainer(host));
}

function printList(what: string, list: Told[]): void {
  if (list.length === 0) return;
  print("", what);
  for (const { at, text } of list) print(`  ${at.length > 0 ? `${at.join(".")}: ` : ""}${text}`);
}

function tell({ config, report }: Adoption, file: string, stack: string): void {
  const count = (map: object | undefined) => Object.keys(map ?? {}).length;
  print(`${file}: ${count(config.roles)} roles and ${count(config.databases)} databases are declared`);
  printList("up changes this, beside the copy:", report.changes);
  printList("this is there and not declared, or has to be known:", report.left);
  print("", `Nothing was changed. Read ${file}, then: npm run preview -- --stack ${stack}`);
}

/** `npm run adopt`: reads a running server, changes nothing there, and writes the stack file that declares what it is. */
export async function adopt({ stack, args }: Invocation): Promise<number> {
  const request = adoptRequest(args);
  const file = stackFile(stack);
  if (existsSync(file) && !request.force)
    throw new Error(`${file} is there already: take another --stack, or --force to write it anew`);
  const facts = await read(request);
  const adoption = adoptServer(facts, { engine: request.engine, port: request.port, image: ownImage() });
  writeFileSync(file, writeStackFile(facts.from, adoption, keptOf(file)));
  tell(adoption, file, stack);
  return 0;
}
