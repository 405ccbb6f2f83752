import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { EXPIRES, ephemeralLabels, type Labels } from "../../provider/ephemeral-labels";
import { Host } from "../../provider/host";
import { ensureEngine } from "../../toolchain/docker";
import { bringUp } from "../commands/up";
import { log } from "../print";
import { ephemeralFile, Project, ROOT } from "../project";
import { isAtWork } from "../repair";
import { containerName } from "../server";
import { parseDuration, timeText, type Request } from "./arguments";
import { choiceOf, choose } from "./connection";
import { derive, hasForeignSecrets, hasSecrets } from "./derive";
import { expiryOf, extend, findMarked, findUnmarked, type Marked } from "./engine";
import { tell } from "./outcome";
import { claimedBy, claimPort } from "./port";
import { findState, removeStack } from "./remove";

const FROM = "Pulumi.dev.yaml";
const FOR = "8h";

/** The stack file that an ephemeral one is made from. */
interface Source {
  file: string;
  text: string;
  config: Record<string, unknown>;
}

/** Makes a stack, or brings the one of that name up to date and gives it more time. */
export async function up({ name, options }: Request): Promise<number> {
  const source = readSource(name, options.from);
  const login = options.env === undefined ? undefined : choose(choiceOf(source.config), options);
  const until = Date.now() + parseDuration(options.for ?? FOR);
  await ensureEngine({ log });
  const engine = source.config["pgwright:engine"];
  const host = new Host(containerName(name), typeof engine === "string" ? engine : undefined);

  const objects = await takeUp(name, host);
  const isNew = objects.length === 0;
  const labels = ephemeralLabels(host.container, timeText(isNew ? until : madeUntil(objects)));
  const port = objects.map((each) => claimedBy(each.name)).find((each) => each !== undefined);
  const leftOut = await prepare(name, host, { labels, port, notDurable: options["not-durable"] }, source);
  if (!isNew) await giveTime(host, objects, until, options.for !== undefined);

  const { project, code } = await bringUp(name, [], "stderr");
  const there = await findMarked(host, host.container);
  if (code === 0) await tell(project, { name, expires: expiryOf(there), leftOut, from: source.file, login, options });
  else if (isNew && there.every(isClaim) && !isAtWork(project, name)) await removeStack(name, host);
  else log("", `Run the same again to go on, or: npm run ephemeral -- destroy ${name}`);
  return code;
}

/** Reads the stack file that is named; that of the stack itself where it has one and none is named. Tells what is wrong with it. */
function readSource(name: string, from: string | undefined): Source {
  const own = resolve(ROOT, `Pulumi.${name}.yaml`);
  if (existsSync(own))
    throw new Error(`${own} is the stack file of a stack that is kept: choose another name for an ephemeral one`);
  const file =
    from === undefined && existsSync(ephemeralFile(name)) ? ephemeralFile(name) : resolve(ROOT, from ?? FROM);
  if (!existsSync(file)) throw new Error(`--from: there is no stack file ${file}`);
  const text = readFileSync(file, "utf8");
  try {
    const { text: derived } = derive(text, { expires: "", port: 0 });
    if (!hasForeignSecrets(derived)) return { file, text, ...(parse(derived) as Pick<Source, "config">) };
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
  throw new Error(
    `${file} holds secrets that only its own stack can decrypt, as it has no encryptionsalt: set them with a passphrase ` +
      "(PULUMI_CONFIG_PASSPHRASE) in a stack file for ephemeral stacks",
  );
}

const isClaim = ({ name }: Marked) => claimedBy(name) !== undefined;

/** The time that the stack was made with, which all that belongs to it bears for ever. */
const madeUntil = (objects: Marked[]) => Math.min(...objects.map(({ expires }) => expires));

/** What is on the engine of the stack: nothing, or what an earlier run has made, whose state has to be here. */
async function takeUp(name: string, host: Host): Promise<Marked[]> {
  const others = await findUnmarked(host);
  if (others.length > 0)
    throw new Error(`${others.join(", ")} is on the Docker engine and not of an ephemeral stack: choose another name`);
  const objects = await findMarked(host, host.container);
  if (expiryOf(objects) === Infinity) throw new Error(`something of ${host.container} is ephemeral and has no time`);
  const { deployment } = (await findState(name)) ?? {};
  if (objects.length === 0 && deployment) await removeStack(name, host); // swept from elsewhere: it begins anew
  if (deployment || objects.every(isClaim)) return objects;
  throw new Error(
    `ephemeral stack ${name} is on the Docker engine, and its state is not here: it was made by another checkout. Use it from ` +
      `there, choose another name, or remove it: npm run ephemeral -- destroy ${name}`,
  );
}

/** Writes the stack's own stack file; returns the keys that it did not take along. */
async function prepare(
  name: string,
  host: Host,
  { labels, port: claimed, notDurable }: { labels: Labels; port?: number; notDurable?: boolean },
  { file: from, text, config }: Source,
): Promise<string[]> {
  const file = ephemeralFile(name);
  const former = existsSync(file) ? readFileSync(file, "utf8") : undefined;
  const own = (parse(former ?? "") ?? {}) as { config?: Record<string, unknown>; encryptionsalt?: string };
  const { address = "127.0.0.1" } = serverOf(config);
  const port = await claimPort(host, host.container, { labels, address, former: claimed ?? serverOf(own.config).port });
  const expires = labels[EXPIRES] as string;
  const durable = notDurable ? false : undefined;
  const derived = derive(text, { expires, port, durable, salt: own.encryptionsalt });
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, derived.text, { mode: 0o600 });
  try {
    if (hasSecrets(derived.text)) await mustDecrypt(name, from);
  } catch (error) {
    if (former === undefined) await removeStack(name, host);
    else writeFileSync(file, former);
    throw error;
  }
  return derived.leftOut;
}

const serverOf = (config: Record<string, unknown> = {}) =>
  (config["pgwright:server"] ?? {}) as { port?: number; address?: string };

async function mustDecrypt(name: string, from: string): Promise<void> {
  const project = await Project.open(name);
  await project.ensureStack(name);
  const { code, stderr } = await project.capture(["config", "--show-secrets", "--json", "--stack", name]);
  if (code === 0) return;
  throw new Error(
    `the secrets of ${from} cannot be decrypted: set PULUMI_CONFIG_PASSPHRASE to the passphrase that they were encrypted with. ` +
      stderr.trim(),
  );
}

/** A stack that is there gets the time that was asked for, if that is later; one that has expired gets some anyway. */
async function giveTime(host: Host, objects: Marked[], until: number, asked: boolean): Promise<void> {
  const expires = expiryOf(objects);
  if (until <= expires || (!asked && expires > Date.now())) return;
  await extend(host, objects, host.container, ephemeralLabels(host.container, timeText(until)));
}
