import { bucketProblem, describeProblem } from "../../backup/bucket-problem";
import { newestBackup, unreadable } from "../../backup/info";
import { hasBuckets, onlyRepositories, repositoryNumbers, type Options } from "../../backup/options";
import { chooseBackups, describeTarget, endsWithBackup, walAfter, type Target } from "../../backup/target";
import { EPHEMERAL, EXPIRES, labelFlags, type Labels } from "../ephemeral-labels";
import type { Host } from "../host";
import { mustBeWritable } from "../host-folder";
import type { Kind, Operation } from "../kind";
import { archiveNow } from "../archive";
import { whyDown } from "../readiness";
import { only, readable, readInfo, restore, type Handling, type Repositories } from "../restore";
import { beginFilling, endFilling, isUnfinished, lookAtForeign, mustBeUnused, remove } from "../data-volume";
import { copyRunning, explainRunning } from "../running";
import { withDatabase } from "../session";

/** What a cluster is restored from. */
export interface Origin extends Target {
  /** Name of the server in the repository, or the container of one that runs. */
  server: string;
  /** A copy of it as it is now, without a repository. */
  running?: boolean;
  /** The repository, if it is not the server's own: a volume, a folder of the Docker host, or a bucket. */
  repository?: string;
}

export interface ClusterInputs {
  /** Name of the volume; one that takes its place has a number more. */
  name: string;
  /** Image of the server. */
  image: string;
  /** Always true: the volume is there. */
  present: boolean;
  /** Of the volume, as of all Docker objects of the stack; none if absent. */
  labels?: Labels;
  /** What the cluster is made from; by initdb if absent. */
  restoreFrom?: Origin;
  /** The repositories that this is in. */
  from?: Repositories;
  /** Secret options of those. */
  fromSecrets: Options;
  /** What is done with restored data. */
  handling?: Handling;
  /** May a cluster that is there be replaced by a restored one? */
  inPlace: boolean;
  /** A volume that this state has not made, and whose data a restored cluster takes the place of, in another volume. */
  replace?: string;
  /** A volume that this state has not made, and whose cluster the server goes on with. */
  adopt?: string;
  /** The server's own repositories. */
  own?: Repositories;
  ownSecrets: Options;
}

export interface ClusterState extends ClusterInputs {
  /** The volume in use. */
  volume: string;
  /** The one that it took the place of; kept as long as the stack file says restoreFrom. */
  previous: string;
  /** Counts the clusters that this has been, from 1 on. */
  generation: number;
}

const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MB`;

/** The name of the volume that takes the place of another: NAME, NAME-2, NAME-3, ... */
export function nextVolume(name: string, volume: string): string {
  const number = Number(/-(\d+)$/.exec(volume.slice(name.length))?.[1] ?? 1);
  return `${name}-${number + 1}`;
}

/** The same, past volumes that this state has not made. */
async function nextFreeVolume(host: Host, name: string, volume: string): Promise<string> {
  const next = nextVolume(name, volume);
  const isFree = !(await host.volumeExists(next)) || (await isUnfinished(host, next));
  return isFree ? next : nextFreeVolume(host, name, next);
}

const sameOrigin = (a: Origin | undefined, b: Origin | undefined) =>
  JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (origin: Origin | undefined) => origin && Object.entries(origin).sort();

/** Does this change make a restored cluster? */
function restores(old: ClusterState | undefined, { restoreFrom }: ClusterInputs): boolean {
  return restoreFrom !== undefined && (!old?.present || !sameOrigin(old.restoreFrom, restoreFrom));
}

const withoutIt = (problem: string) => `the restore goes on without a repository. ${problem}`;

async function explainRestore(inputs: ClusterInputs, { host, info, warn }: Operation): Promise<void> {
  const { restoreFrom, from, fromSecrets, image } = inputs;
  if (restoreFrom?.running) return info(await explainRunning(host, restoreFrom.server));
  if (!restoreFrom || !from) return;
  await mustExist(host, from);
  if (!(await host.imageExists(image))) {
    return warn("which backup this is restored from can be told once the image is on the engine");
  }
  const found = await readInfo(host, image, from, fromSecrets);
  for (const problem of unreadable(found)) warn(withoutIt(describeProblem(problem, from.options)));
  const [backup, ...others] = chooseBackups(found, from.stanza, restoreFrom);
  if (!backup) return;
  info(
    `RESTORE of ${from.stanza} from ${backup.label} (ended ${new Date(backup.timestamp.stop * 1000).toISOString()}, ` +
      `${mebibytes(backup.info.size)}), ${describeTarget(restoreFrom)}` +
      (endsWithBackup(restoreFrom) ? "" : `; ${mebibytes(walAfter(found, backup))} of WAL at most`) +
      (restoreFrom.name !== undefined && others.length > 0
        ? "; from an older backup if the point is before that one"
        : ""),
  );
}

/** A volume that is not there would be made, empty, by whoever mounts it. */
async function mustExist(host: Host, { mounts }: Repositories): Promise<void> {
  for (const source of Object.values(mounts)) {
    if (!source.startsWith("/") && !(await host.volumeExists(source)))
      throw new Error(`there is no volume ${source} on the Docker engine, and it should hold the backups`);
  }
}

/** Refuses to begin anew under a name whose backups are there. */
async function mustBeNew({ own, ownSecrets, image }: ClusterInputs, host: Host): Promise<void> {
  if (!own) return;
  const isFolder = (source: string) => source.startsWith("/");
  await mustBeWritable(host, image, Object.values(own.mounts).filter(isFolder));
  if (!(await host.imageExists(image))) return;
  const volumes = Object.entries(own.mounts).filter(([, source]) => !isFolder(source));
  const there = await Promise.all(volumes.map(([, volume]) => host.volumeExists(volume)));
  const absent = volumes.filter((_, i) => !there[i]).map(([path]) => path);
  const keep = (number: number) => !absent.includes(own.options[`repo${number}-path`] ?? "");
  const repositories = only(own, keep);
  if (repositoryNumbers(repositories.options).length === 0) return;
  const newest = newestBackup(await readInfo(host, image, repositories, onlyRepositories(ownSecrets, keep)));
  if (!newest) return;
  throw new Error(
    `the repository holds backups of a server named ${own.stanza}, the newest of ` +
      `${new Date(newest.timestamp.stop * 1000).toISOString()}: write restoreFrom: {} to go on from them, give this server another ` +
      "name (backup.name), or use another repository",
  );
}

/** Looks at a volume that this state has not made: its data is not touched without a word for it in the stack file. */
async function explainForeign(inputs: ClusterInputs, { host, info, warn, hazard }: Operation): Promise<boolean> {
  const { name, image, restoreFrom, replace, adopt } = inputs;
  const found = await lookAtForeign(host, name, image);
  if (found === "nothing") return false;
  if (found === "unknown") {
    warn(`volume ${name} is on the Docker engine: whether it holds data is known once the image is there`);
    return false;
  }
  const problem = `volume ${name} is on the Docker engine, holds data, and this state has not made it`;
  const [key, word] = restoreFrom ? ["restoreFrom.replace", replace] : ["server.adoptVolume", adopt];
  if (word !== name) {
    const does = restoreFrom ? "put the restored data in the place of its data" : "go on with its data";
    throw new Error(`${problem}; write ${key}: ${name} to ${does}, or remove the volume, or choose another stack`);
  }
  if (restoreFrom) {
    hazard(
      "loss",
      `${problem}: restored data takes the place of its data; the volume is kept until restoreFrom is taken out`,
    );
    return true;
  }
  await mustBeUnused(host, name);
  info(`${problem}: the server goes on with its data`);
  return true;
}

const hasForeignData = async ({ name, image }: ClusterInputs, { host }: Operation) =>
  (await lookAtForeign(host, name, image)) === "data";

async function fill(volume: string, inputs: ClusterInputs, { host, info, warn }: Operation): Promise<void> {
  const isOurs = !(await host.volumeExists(volume));
  await host.docker(["volume", "create", ...labelFlags(inputs.labels), volume]);
  const { restoreFrom, from, fromSecrets, handling, image } = inputs;
  if (!restoreFrom || !handling) return;
  await beginFilling(host, volume, inputs);
  try {
    if (restoreFrom.running) {
      await copyRunning(host, image, volume, restoreFrom.server, handling);
      info(`copied from ${restoreFrom.server}`);
      return await endFilling(host, volume);
    }
    if (!from) return;
    await mustExist(host, from);
    const { repositories, secrets, problems } = await readable(host, image, from, fromSecrets);
    for (const problem of problems) warn(withoutIt(problem));
    const printed = await restore(host, image, volume, repositories, secrets, restoreFrom, handling);
    const [, backup] = /restore backup set ([0-9FDI_-]+)/.exec(printed) ?? [];
    const [, told] = /last completed transaction was at log time (.*)/.exec(printed) ?? [];
    info(
      `restored ${from.stanza} from ${backup}, ${told ? `up to ${told}` : "after which the archive has no transaction"}`,
    );
    await endFilling(host, volume);
  } catch (error) {
    if (isOurs) {
      await remove(host, volume);
      await endFilling(host, volume);
    }
    const { message } = error as Error;
    const why = from && hasBuckets(from.options) ? (bucketProblem(message) ?? message) : message;
    throw new Error(`the restore of ${restoreFrom.server} has failed, and nothing was changed: ${why}`);
  }
}

/** What the server has written and not archived yet may be what somebody wants to go back to. */
async function archiveRest({ host, warn }: Operation): Promise<void> {
  if (await whyDown(host)) return;
  if (!(await withDatabase(host, "postgres", archiveNow)))
    warn("the newest WAL could not be archived within a minute: the restore goes on with what the archive has");
}

/** The engine changes no label of what is there. */
function mustHaveLabels(old: Labels | undefined, labels: Labels | undefined): void {
  const told = (all: Labels | undefined) => (all?.[EPHEMERAL] ? `ephemeral until ${all[EXPIRES]}` : "not ephemeral");
  if (told(old) === told(labels)) return;
  throw new Error(
    `pgwright:ephemeral: the stack was made ${told(old)}, and would become ${told(labels)}: put that back, or make another stack ` +
      "(npm run ephemeral -- up NAME --for TIME makes one, or gives it more time)",
  );
}

/**
 * The server's data: a volume with one cluster, new or from a backup. A restore into a stack that has data goes into another
 * volume, while the server is in use, and the server moves there once its checks have passed.
 */
export const cluster: Kind<ClusterInputs, ClusterState> = {
  replaceOn: ["name"],
  notCompared: ["image", "from", "fromSecrets", "handling", "inPlace", "replace", "adopt", "own", "ownSecrets"],
  async explain(old, inputs, operation) {
    const { host, hazard } = operation;
    if (!old) {
      const isForeign = await explainForeign(inputs, operation);
      if (inputs.restoreFrom) await explainRestore(inputs, operation);
      else if (!isForeign) await mustBeNew(inputs, host);
      return;
    }
    mustHaveLabels(old.labels, inputs.labels);
    if (!old.present) {
      if (inputs.restoreFrom) return explainRestore(inputs, operation);
      await mustBeNew(inputs, host);
      return hazard("loss", `volume ${old.volume} is gone, with all data: an empty cluster will be made`);
    }
    if (restores(old, inputs)) {
      if (!inputs.inPlace) {
        throw new Error(
          `restoreFrom has changed, and the stack has data in volume ${old.volume}: write restoreFrom.inPlace: true to put the ` +
            "restored data in its place (the volume is kept), or restore into another stack",
        );
      }
      await explainRestore(inputs, operation);
      return hazard("loss", `the data of the server becomes that of the backup; volume ${old.volume} is kept`);
    }
    if (!inputs.restoreFrom && old.previous !== "")
      hazard("loss", `volume ${old.previous}, from before the restore, is removed`);
  },
  async create(inputs, operation) {
    const { name, restoreFrom, replace } = inputs;
    const previous = restoreFrom && replace === name && (await hasForeignData(inputs, operation)) ? name : "";
    const volume = previous === "" ? name : await nextFreeVolume(operation.host, name, name);
    if (!operation.preview) await fill(volume, inputs, operation);
    return { id: name, state: { ...inputs, volume, previous, generation: 1 } };
  },
  async read(_id, state, { name }, { host }) {
    // A state of earlier versions, which had a plain volume of that name.
    const { volume = name, previous = "", generation = 1 } = state as Partial<ClusterState>;
    return { ...state, volume, previous, generation, present: await host.volumeExists(volume) };
  },
  async update(_id, old, inputs, operation) {
    const { host, preview } = operation;
    const generation = old.generation + 1;
    if (!old.present) {
      if (!preview) await fill(old.volume, inputs, operation);
      return { ...inputs, volume: old.volume, previous: old.previous, generation };
    }
    if (restores(old, inputs)) {
      const volume = await nextFreeVolume(host, inputs.name, old.volume);
      if (!preview) {
        await remove(host, volume); // of a restore that was killed
        if (inputs.own && inputs.from?.stanza === inputs.own.stanza) await archiveRest(operation);
        await fill(volume, inputs, operation);
        if (old.previous !== "") await remove(host, old.previous);
      }
      return { ...inputs, volume, previous: old.volume, generation };
    }
    if (!inputs.restoreFrom && !preview) await remove(host, old.previous);
    const previous = inputs.restoreFrom ? old.previous : "";
    return { ...inputs, volume: old.volume, previous, generation: old.generation };
  },
  async delete(_id, { volume, previous }, { host }) {
    await remove(host, volume);
    await remove(host, previous);
  },
};
