import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { EXPIRES, ephemeralLabels, type Labels } from "../../provider/ephemeral-labels";
import { Host } from "../../provider/host";
import { ensureEngine } from "../../toolchain/docker";
import { bringUp } from "../commands/up";
import { log } from "../print";
import { ephemeralFile, Project, ROOT } from "../project";
import { isAtWork } from "../recover";
import { containerName } from "../server";
import type { EPHEMERAL_UP, Invocation } from "../options";
import { checkName, parseDuration, timeText } from "./arguments";
import { choiceOf, choose } from "./connection";
import { derive, hasForeignSecrets, hasSecrets } from "./derive";
import { expiryOf, extend, findLabelled, findUnlabelled, type LabelledObject } from "./engine";
import { printOutcome } from "./outcome";
import { claimedBy, claimPort } from "./port";
import { findState, removeStack } from "./remove";

const FROM = "Pulumi.dev.yaml";
const FOR = "8h";

/** The stack file from which the ephemeral one is derived. */
interface Source {
  file: string;
  text: string;
  config: Record<string, unknown>;
}

/** Creates a stack, or updates the existing one of that name and extends its expiry. */
export async function up({ options, args }: Invocation<typeof EPHEMERAL_UP>): Promise<number> {
  const name = checkName(args[0] ?? "");
  const source = readSource(name, options.from);
  const login = options.env === undefined ? undefined : choose(choiceOf(source.config), options);
  const until = Date.now() + parseDuration(options.for ?? FOR);
  await ensureEngine({ log });
  const engine = source.config["pgwright:engine"];
  const host = new Host(containerName(name), typeof engine === "string" ? engine : undefined);

  const objects = await existingObjects(name, host);
  const isNew = objects.length === 0;
  const labels = ephemeralLabels(host.container, timeText(isNew ? until : firstExpiry(objects)));
  const port = objects.map((each) => claimedBy(each.name)).find((each) => each !== undefined);
  const ignoredKeys = await prepare(name, host, { labels, port, notDurable: options["not-durable"] }, source);
  if (!isNew) await extendExpiry(host, objects, until, options.for !== undefined);

  const { project, code } = await bringUp(name, [], "stderr");
  const remaining = await findLabelled(host, host.container);
  if (code === 0)
    await printOutcome(project, { name, expires: expiryOf(remaining), ignoredKeys, from: source.file, login, options });
  else if (isNew && remaining.every(isClaim) && !isAtWork(project, name)) await removeStack(name, host);
  else
    log(
      "",
      `stack ${name}: the update failed; run the same command again to continue, or: npm run ephemeral -- destroy ${name}`,
    );
  return code;
}

/** Reads the given stack file; the default is the stack's own if it exists. Throws if it cannot be used. */
function readSource(name: string, from: string | undefined): Source {
  const own = resolve(ROOT, `Pulumi.${name}.yaml`);
  if (existsSync(own))
    throw new Error(`${own}: stack file of a permanent stack; choose another name for the ephemeral stack`);
  const file =
    from === undefined && existsSync(ephemeralFile(name)) ? ephemeralFile(name) : resolve(ROOT, from ?? FROM);
  if (!existsSync(file)) throw new Error(`--from: stack file ${file} does not exist`);
  const text = readFileSync(file, "utf8");
  try {
    const { text: derived } = derive(text, { expires: "", port: 0 });
    if (!hasForeignSecrets(derived)) return { file, text, ...(parse(derived) as Pick<Source, "config">) };
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
  throw new Error(
    `${file}: only its own stack can decrypt its secrets, since it has no encryptionsalt; set them with a passphrase ` +
      "(PULUMI_CONFIG_PASSPHRASE) in a stack file for ephemeral stacks",
  );
}

const isClaim = ({ name }: LabelledObject) => claimedBy(name) !== undefined;

/** The expiry at the creation of the stack: the resources in its state keep it in their labels. */
const firstExpiry = (objects: LabelledObject[]) => Math.min(...objects.map(({ expires }) => expires));

/** The stack's objects on the engine. Throws if the name is in use, or if another checkout has created the stack. */
async function existingObjects(name: string, host: Host): Promise<LabelledObject[]> {
  const others = await findUnlabelled(host);
  if (others.length > 0)
    throw new Error(`${others.join(", ")}: on the Docker engine, but not of an ephemeral stack; choose another name`);
  const objects = await findLabelled(host, host.container);
  if (expiryOf(objects) === Infinity)
    throw new Error(
      `${host.container}: an object of the ephemeral stack has no expiry; run: npm run ephemeral -- destroy ${name}`,
    );
  const { deployment } = (await findState(name)) ?? {};
  if (objects.length === 0 && deployment) await removeStack(name, host); // another checkout has swept the stack: its state is obsolete
  if (deployment || objects.every(isClaim)) return objects;
  throw new Error(
    `ephemeral stack ${name}: on the Docker engine, but created by another checkout, which has its state; use it from ` +
      `there, choose another name, or remove it: npm run ephemeral -- destroy ${name}`,
  );
}

/** Writes the stack's own stack file; returns the keys that were dropped. */
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
  return derived.ignoredKeys;
}

const serverOf = (config: Record<string, unknown> = {}) =>
  (config["pgwright:server"] ?? {}) as { port?: number; address?: string };

async function mustDecrypt(name: string, from: string): Promise<void> {
  const project = await Project.open(name);
  await project.ensureStack(name);
  const { code, stderr } = await project.capture(["config", "--show-secrets", "--json", "--stack", name]);
  if (code === 0) return;
  throw new Error(
    `${from}: its secrets cannot be decrypted; set PULUMI_CONFIG_PASSPHRASE to the passphrase that encrypted them: ` +
      stderr.trim(),
  );
}

/** Extends the expiry of an existing stack, if `until` is later and was requested or the stack has expired. */
async function extendExpiry(host: Host, objects: LabelledObject[], until: number, isRequested: boolean): Promise<void> {
  const expires = expiryOf(objects);
  if (until <= expires || (!isRequested && expires > Date.now())) return;
  await extend(host, objects, host.container, ephemeralLabels(host.container, timeText(until)));
}
