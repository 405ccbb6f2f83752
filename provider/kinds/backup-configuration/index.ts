import { createHash } from "node:crypto";
import { parseAgentConfiguration, renderAgentConfiguration } from "../../../backup/agent-configuration";
import { parsePgbackrestConf, renderPgbackrestConf } from "../../../backup/options";
import { snoozeArguments } from "../../../backup/schedules";
import type { Host } from "../../host";
import { mustBeWritable } from "../../host-folder";
import type { Kind, Operation } from "../../kind";
import { mustAnswer } from "../../restore";
import { declaration, type BackupConfigurationInputs, type BackupConfigurationState } from "./inputs";

const CONF = "pgbackrest.conf";
const AGENT = "agent.json";

async function write(host: Host, inputs: BackupConfigurationInputs): Promise<void> {
  const { volume, image, stanza, options, secrets } = inputs;
  await host.writeVolume(volume, image, { [AGENT]: renderAgentConfiguration(inputs), ...inputs.certificates });
  await host.writeVolume(volume, image, { [CONF]: renderPgbackrestConf(stanza, { ...options, ...secrets }) }, true);
}

/** All repositories have the same passphrase. A short hash suffices, as the passphrase is long. */
function passphraseId({ secrets }: BackupConfigurationInputs): string {
  const [, passphrase = ""] = Object.entries(secrets).find(([name]) => name.endsWith("-cipher-pass")) ?? [];
  return passphrase === "" ? "" : createHash("sha256").update(`pgwright ${passphrase}`).digest("hex").slice(0, 12);
}

/** The options by which the buckets are reached, as one text to compare. */
function bucketAccess({ options, secrets, certificates }: BackupConfigurationInputs): string {
  const isAccess = ([name]: [string, string]) => /^repo\d+-(type|path|s3-|storage-)/.test(name);
  const entries = [
    ...Object.entries({ ...options, ...secrets }).filter(isAccess),
    ...Object.entries(certificates ?? {}),
  ];
  return JSON.stringify(entries.sort());
}

/** Fails if a bucket cannot be read: it would stop archiving. */
async function checkBuckets(inputs: BackupConfigurationInputs, { host }: Operation): Promise<void> {
  const { image, stanza, options, certificates, secrets } = inputs;
  if (!(await host.imageExists(image))) return; // then the preview cannot check; the update does before it writes
  await mustAnswer(host, image, { stanza, options, certificates, mounts: {} }, secrets);
}

async function readBack(host: Host, state: BackupConfigurationState): Promise<BackupConfigurationState | undefined> {
  const files = await host.readVolume(state.volume, state.image);
  if (!files) return undefined;
  const { stanza, options } = parsePgbackrestConf(files[CONF] ?? "");
  const entries = Object.entries(options);
  const secret = (name: string) => name in state.secrets;
  const agent = parseAgentConfiguration(files[AGENT] ?? "");
  const isScheduled = ([job, cron]: [string, string]) =>
    String(agent?.schedules[job]) === String(snoozeArguments(cron));
  return {
    ...state,
    stanza,
    options: Object.fromEntries(entries.filter(([name]) => !secret(name))),
    secrets: Object.fromEntries(entries.filter(([name]) => secret(name))),
    certificates:
      state.certificates &&
      Object.fromEntries(Object.keys(state.certificates).map((name) => [name, files[name] ?? ""])),
    drill: agent?.drill,
    dumps: agent?.dumps,
    schedules: Object.fromEntries(Object.entries(state.schedules).filter(isScheduled)),
  };
}

/** The files that configure repositories and schedules for server and agent; both read them at each use. */
export const backupConfiguration: Kind<BackupConfigurationInputs, BackupConfigurationState> = {
  declaration,
  replaceOn: ["volume"],
  notCompared: ["image"],
  async explain(old, inputs, operation) {
    const added = (inputs.folders ?? []).filter((folder) => !old?.folders?.includes(folder));
    await mustBeWritable(operation.host, inputs.image, added);
    if (!old || bucketAccess(old) !== bucketAccess(inputs)) await checkBuckets(inputs, operation);
    if (!old || old.stanza !== inputs.stanza || old.passphrase === passphraseId(inputs)) return;
    throw new Error(
      "backupPassphrase: the encryption of a repository cannot change, because its content would become unreadable and archiving would " +
        "stop; restore the former backupPassphrase (or encrypted), or begin a new repository under another backup.name",
    );
  },
  async create(inputs, { host, preview }) {
    if (!preview) await write(host, inputs);
    return { id: inputs.volume, state: { ...inputs, passphrase: passphraseId(inputs) } };
  },
  read: (_id, state, inputs, { host }) => readBack(host, { ...state, ...inputs }),
  async update(_id, _old, inputs, { host, preview }) {
    if (!preview) await write(host, inputs);
    return { ...inputs, passphrase: passphraseId(inputs) };
  },
  // The files are deleted with their volume.
  delete: async () => undefined,
};
