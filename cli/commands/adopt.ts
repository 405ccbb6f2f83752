import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parse } from "yaml";
import type { ReportEntry } from "../../adopt/report";
import { adopt as adoptServer, type Adoption } from "../../adopt/stack";
import { writeStackFile } from "../../adopt/stack-file";
import { ownImage } from "../../components/image";
import { ensureEngine } from "../../toolchain/docker";
import { Host } from "../../provider/host";
import type { ADOPT, Invocation, Values } from "../options";
import { log, print } from "../print";
import { readContainer, readServer } from "../read-server";
import { stackFile } from "../server";
import { ContainerSource, UrlSource } from "../source";

export interface Request {
  from: string;
  port?: number;
  engine?: string;
  force: boolean;
}

/** Checks the options. */
export function adoptRequest({ from, port, engine, force = false }: Values<typeof ADOPT>): Request {
  if (!from)
    throw new Error("adopt: --from is missing; name a container, or give postgresql://USER@HOST:PORT/DATABASE");
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65535 && /^\d+$/.test(port)))
    throw new Error(`--port ${port}: write a whole number from 1 to 65535`);
  return { from, engine, force, ...(port === undefined ? {} : { port: Number(port) }) };
}

/** The parts of an existing stack file that a new one keeps: Pulumi's own keys, and secrets. */
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

function printList(what: string, list: ReportEntry[]): void {
  if (list.length === 0) return;
  print("", what);
  for (const { at, text } of list) print(`  ${at.length > 0 ? `${at.join(".")}: ` : ""}${text}`);
}

function printAdoption({ config, report }: Adoption, file: string, stack: string): void {
  const count = (map: object | undefined) => Object.keys(map ?? {}).length;
  print(`${file}: ${count(config.roles)} roles and ${count(config.databases)} databases are declared`);
  printList("the first update changes, besides the copy:", report.changes);
  printList("not declared, or to be checked:", report.notes);
  print("", `nothing was changed on the server; review ${file}, then: npm run preview -- --stack ${stack}`);
}

/** `npm run adopt`: reads a running server, changes nothing on it, and writes the stack file that declares it. */
export async function adopt({ stack, options }: Invocation<typeof ADOPT>): Promise<number> {
  const request = adoptRequest(options);
  const file = stackFile(stack);
  if (existsSync(file) && !request.force)
    throw new Error(`${file}: exists already; choose another --stack, or overwrite it with --force`);
  const facts = await read(request);
  const adoption = adoptServer(facts, { engine: request.engine, port: request.port, image: ownImage() });
  writeFileSync(file, writeStackFile(facts.from, adoption, keptOf(file)));
  printAdoption(adoption, file, stack);
  return 0;
}
