import { createHash } from "node:crypto";
import { renderDrill, type DrillSpecification } from "../../backup/drill";
import { renderDumps, type Dumps } from "../../backup/dumps";
import { parsePgbackrestConf, renderPgbackrestConf, type Options } from "../../backup/options";
import { renderSchedules } from "../../backup/schedules";
import type { Host } from "../host";
import { mustBeWritable } from "../host-folder";
import type { Kind, Operation } from "../kind";
import { mustAnswer } from "../restore";

export interface BackupConfigurationInputs {
  /** The volume that server and agent read their configuration from. */
  volume: string;
  /** Any image: the files travel through a container made of it that never starts. */
  image: string;
  /** Name of the server in the repositories. */
  stanza: string;
  /** pgbackrest.conf, by option. */
  options: Options;
  /** Options of it that are secret. */
  secrets: Options;
  /** Folders of the Docker host that hold repositories and dumps; there are none if absent. */
  folders?: string[];
  /** CAs of the endpoints of buckets, by file; there are none if absent. */
  certificates?: Record<string, string>;
  /** When the agent does what: five cron fields, by job. */
  schedules: Record<string, string>;
  /** What a drill looks at; there are none if absent. */
  drill?: DrillSpecification;
  /** What is dumped; there are no dumps if absent. */
  dumps?: Dumps;
}

export interface BackupConfigurationState extends BackupConfigurationInputs {
  /** Tells one passphrase from another. */
  passphrase: string;
}

const CONF = "pgbackrest.conf";
const SCHEDULES = "agent-schedules";
const DRILL = "drill";

const DUMPS = "dumps";

const dumpsFile = ({ dumps }: BackupConfigurationInputs) => (dumps ? renderDumps(dumps) : "");
const NO_SPECIFICATION: DrillSpecification = { amcheck: false, checks: [], counts: [], recalls: [] };
const drillFile = ({ drill }: BackupConfigurationInputs) => renderDrill(drill ?? NO_SPECIFICATION);

async function write(host: Host, inputs: BackupConfigurationInputs): Promise<void> {
  const { volume, image, stanza, options, secrets, schedules } = inputs;
  await host.writeVolume(volume, image, {
    [SCHEDULES]: renderSchedules(schedules),
    [DRILL]: drillFile(inputs),
    [DUMPS]: dumpsFile(inputs),
    ...inputs.certificates,
  });
  await host.writeVolume(volume, image, { [CONF]: renderPgbackrestConf(stanza, { ...options, ...secrets }) }, true);
}

/** One for all repositories; short, and of a text that is long. */
function passphraseId({ secrets }: BackupConfigurationInputs): string {
  const [, passphrase = ""] = Object.entries(secrets).find(([name]) => name.endsWith("-cipher-pass")) ?? [];
  return passphrase === "" ? "" : createHash("sha256").update(`pgwright ${passphrase}`).digest("hex").slice(0, 12);
}

/** What leads to the buckets. */
function way({ options, secrets, certificates }: BackupConfigurationInputs): string {
  const leads = ([name]: [string, string]) => /^repo\d+-(type|path|s3-|storage-)/.test(name);
  const entries = [...Object.entries({ ...options, ...secrets }).filter(leads), ...Object.entries(certificates ?? {})];
  return JSON.stringify(entries.sort());
}

/** A bucket that does not let itself be read would stop the archive. */
async function lookInto(inputs: BackupConfigurationInputs, { host }: Operation): Promise<void> {
  const { image, stanza, options, certificates, secrets } = inputs;
  if (!(await host.imageExists(image))) return; // not in a preview, but before it is written down
  await mustAnswer(host, image, { stanza, options, certificates, mounts: {} }, secrets);
}

async function readBack(host: Host, state: BackupConfigurationState): Promise<BackupConfigurationState | undefined> {
  if (!(await host.volumeExists(state.volume))) return undefined;
  const files = await host.readVolume(state.volume, state.image);
  const { stanza, options } = parsePgbackrestConf(files[CONF] ?? "");
  const entries = Object.entries(options);
  const secret = (name: string) => name in state.secrets;
  return {
    ...state,
    stanza,
    options: Object.fromEntries(entries.filter(([name]) => !secret(name))),
    secrets: Object.fromEntries(entries.filter(([name]) => secret(name))),
    certificates:
      state.certificates &&
      Object.fromEntries(Object.keys(state.certificates).map((name) => [name, files[name] ?? ""])),
    drill: files[DRILL] === drillFile(state) ? state.drill : NO_SPECIFICATION,
    dumps: files[DUMPS] === dumpsFile(state) ? state.dumps : { keep: 0, databases: {} },
    schedules: files[SCHEDULES] === renderSchedules(state.schedules) ? state.schedules : {},
  };
}

/** The files by which server and agent know repositories and schedules; both look at them again each time. */
export const backupConfiguration: Kind<BackupConfigurationInputs, BackupConfigurationState> = {
  replaceOn: ["volume"],
  notCompared: ["image"],
  async explain(old, inputs, operation) {
    const added = (inputs.folders ?? []).filter((folder) => !old?.folders?.includes(folder));
    await mustBeWritable(operation.host, inputs.image, added);
    if (!old || way(old) !== way(inputs)) await lookInto(inputs, operation);
    if (!old || old.stanza !== inputs.stanza || old.passphrase === passphraseId(inputs)) return;
    throw new Error(
      "what a repository is encrypted with cannot change: nothing in it could be read or archived any more. Put the former " +
        "backupPassphrase (or encrypted) back, or begin a new repository under another backup.name",
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
  // The files go with their volume.
  delete: async () => undefined,
};
