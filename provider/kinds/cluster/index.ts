import { bucketProblem, describeProblem } from "../../../backup/bucket-problem";
import { newestBackup, unreadable } from "../../../backup/info";
import { hasBuckets, onlyRepositories, repositoryNumbers } from "../../../backup/options";
import { chooseBackups, describeTarget, endsWithBackup, walAfter } from "../../../backup/target";
import { EPHEMERAL, EXPIRES, labelFlags, type Labels } from "../../ephemeral-labels";
import type { Host } from "../../host";
import { mustBeWritable } from "../../host-folder";
import type { Kind, Operation } from "../../kind";
import { archiveNow } from "../../archive";
import { whyDown } from "../../readiness";
import { readInfo, restore, selectReadable, selectRepositories, type Repositories } from "../../restore";
import { beginFilling, endFilling, inspectForeignVolume, isUnfinished, mustBeUnused, remove } from "../../data-volume";
import { copyRunning, explainRunning } from "../../running";
import { withDatabase } from "../../session";
import { declaration, type Origin, type ClusterInputs, type ClusterState } from "./inputs";

const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MB`;

/** The name of the volume that replaces another: NAME, NAME-2, NAME-3, ... */
export function nextVolume(name: string, volume: string): string {
  const number = Number(/-(\d+)$/.exec(volume.slice(name.length))?.[1] ?? 1);
  return `${name}-${number + 1}`;
}

/** The same, but skips volumes that are not in the state. */
async function nextFreeVolume(host: Host, name: string, volume: string): Promise<string> {
  const next = nextVolume(name, volume);
  const isFree = !(await host.volumeExists(next)) || (await isUnfinished(host, next));
  return isFree ? next : nextFreeVolume(host, name, next);
}

const sameOrigin = (a: Origin | undefined, b: Origin | undefined) =>
  JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (origin: Origin | undefined) => origin && Object.entries(origin).sort();

/** True if the change creates a restored cluster. */
function restores(old: ClusterState | undefined, { restoreFrom }: ClusterInputs): boolean {
  return restoreFrom !== undefined && (!old?.present || !sameOrigin(old.restoreFrom, restoreFrom));
}

const describeSkipped = (problem: string) => `the restore continues without ${problem}`;

async function explainRestore(inputs: ClusterInputs, { host, info, warn }: Operation): Promise<void> {
  const { restoreFrom, from, fromSecrets, image } = inputs;
  if (restoreFrom?.running) return info(await explainRunning(host, restoreFrom.server));
  if (!restoreFrom || !from) return;
  await mustExist(host, from);
  if (!(await host.imageExists(image))) {
    return warn(`image ${image} is not on the engine: the preview cannot name the backup to restore from`);
  }
  const found = await readInfo(host, image, from, fromSecrets);
  for (const problem of unreadable(found)) warn(describeSkipped(describeProblem(problem, from.options)));
  const [backup, ...others] = chooseBackups(found, from.stanza, restoreFrom);
  if (!backup) return;
  info(
    `RESTORE of ${from.stanza} from ${backup.label} (ended ${new Date(backup.timestamp.stop * 1000).toISOString()}, ` +
      `${mebibytes(backup.info.size)}), ${describeTarget(restoreFrom)}` +
      (endsWithBackup(restoreFrom) ? "" : `; ${mebibytes(walAfter(found, backup))} of WAL at most`) +
      (restoreFrom.name !== undefined && others.length > 0
        ? "; from an older backup if the restore point is before this one"
        : ""),
  );
}

/** Throws if a volume does not exist: Docker would create it, empty, on the first mount. */
async function mustExist(host: Host, { mounts }: Repositories): Promise<void> {
  for (const source of Object.values(mounts)) {
    if (!source.startsWith("/") && !(await host.volumeExists(source)))
      throw new Error(
        `volume ${source}: not on the Docker engine, but restoreFrom reads backups from it; restore it, or declare another repository`,
      );
  }
}

/** Refuses an empty cluster if the repositories hold backups under its name. */
async function mustBeNew({ own, ownSecrets, image }: ClusterInputs, host: Host): Promise<void> {
  if (!own) return;
  const isFolder = (source: string) => source.startsWith("/");
  await mustBeWritable(host, image, Object.values(own.mounts).filter(isFolder));
  if (!(await host.imageExists(image))) return;
  const volumes = Object.entries(own.mounts).filter(([, source]) => !isFolder(source));
  const exist = await Promise.all(volumes.map(([, volume]) => host.volumeExists(volume)));
  const absent = volumes.filter((_, i) => !exist[i]).map(([path]) => path);
  const keep = (number: number) => !absent.includes(own.options[`repo${number}-path`] ?? "");
  const repositories = selectRepositories(own, keep);
  if (repositoryNumbers(repositories.options).length === 0) return;
  const newest = newestBackup(await readInfo(host, image, repositories, onlyRepositories(ownSecrets, keep)));
  if (!newest) return;
  throw new Error(
    `the repository holds backups of a server named ${own.stanza}, the newest of ` +
      `${new Date(newest.timestamp.stop * 1000).toISOString()}; write restoreFrom: {} to restore them, give this server another ` +
      "name (backup.name), or use another repository",
  );
}

/** Inspects a volume that is not in the state: its data is neither used nor replaced unless the stack file declares it. */
async function explainForeign(inputs: ClusterInputs, { host, info, warn, hazard }: Operation): Promise<boolean> {
  const { name, image, restoreFrom, replace, adopt } = inputs;
  const found = await inspectForeignVolume(host, name, image);
  if (found === "nothing") return false;
  if (found === "unknown") {
    warn(
      `volume ${name}: it is not in the state, and pgwright cannot read whether it holds data before the image exists`,
    );
    return false;
  }
  const problem = `volume ${name}: it holds data and is not in the state of this stack`;
  const [key, declared] = restoreFrom ? ["restoreFrom.replace", replace] : ["server.adoptVolume", adopt];
  if (declared !== name) {
    const effect = restoreFrom ? "replace its data by the restored data" : "use its data";
    throw new Error(`${problem}; write ${key}: ${name} to ${effect}, or remove the volume, or choose another stack`);
  }
  if (restoreFrom) {
    hazard(
      "loss",
      `${problem}; the restored data replaces its data, and the volume is kept until restoreFrom is removed`,
    );
    return true;
  }
  await mustBeUnused(host, name);
  info(`${problem}; the server uses its data`);
  return true;
}

const hasForeignData = async ({ name, image }: ClusterInputs, { host }: Operation) =>
  (await inspectForeignVolume(host, name, image)) === "data";

async function fill(volume: string, inputs: ClusterInputs, { host, info, warn }: Operation): Promise<void> {
  const isNew = !(await host.volumeExists(volume));
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
    const { repositories, secrets, problems } = await selectReadable(host, image, from, fromSecrets);
    for (const problem of problems) warn(describeSkipped(problem));
    const { backup, recoveredTo } = await restore(host, image, volume, repositories, secrets, restoreFrom, handling);
    info(
      `restored ${from.stanza} from ${backup}, ${recoveredTo ? `up to ${recoveredTo}` : "after which the archive has no transaction"}`,
    );
    await endFilling(host, volume);
  } catch (error) {
    if (isNew) {
      await remove(host, volume);
      await endFilling(host, volume);
    }
    const { message } = error as Error;
    const why = from && hasBuckets(from.options) ? (bucketProblem(message) ?? message) : message;
    throw new Error(`the restore of ${restoreFrom.server} has failed, and nothing was changed: ${why}`);
  }
}

/** Archives the newest WAL first, since the restore target may be in it. */
async function archiveNewestWal({ host, warn }: Operation): Promise<void> {
  if (await whyDown(host)) return;
  if (!(await withDatabase(host, "postgres", archiveNow)))
    warn("the newest WAL was not archived within a minute; the restore continues with the archived WAL");
}

/** Throws if the labels changed: the engine cannot change labels of existing objects. */
function mustHaveLabels(old: Labels | undefined, labels: Labels | undefined): void {
  const describe = (all: Labels | undefined) =>
    all?.[EPHEMERAL] ? `ephemeral until ${all[EXPIRES]}` : "not ephemeral";
  if (describe(old) === describe(labels)) return;
  throw new Error(
    `pgwright:ephemeral: the stack was created ${describe(old)} and is now declared ${describe(labels)}; revert the key, or create ` +
      "another stack (npm run ephemeral -- up NAME --for TIME creates one, or extends its expiry)",
  );
}

/**
 * The server's data: a volume with one cluster, new or from a backup. A restore into a stack that has data fills another volume
 * while the server runs, and the server moves to this volume once the checks have passed.
 */
export const cluster: Kind<ClusterInputs, ClusterState> = {
  declaration,
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
      return hazard("loss", `volume ${old.volume} is missing with all its data: the update creates an empty cluster`);
    }
    if (restores(old, inputs)) {
      if (!inputs.inPlace) {
        throw new Error(
          `restoreFrom: it has changed, and the stack has data in volume ${old.volume}; write restoreFrom.inPlace: true to replace ` +
            "this data by the restored data (the volume is kept), or restore into another stack",
        );
      }
      await explainRestore(inputs, operation);
      return hazard("loss", `the data of the server is replaced by the restored data; volume ${old.volume} is kept`);
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
    // Earlier versions had a plain volume of that name in the state.
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
        await remove(host, volume); // a killed restore may have left it
        if (inputs.own && inputs.from?.stanza === inputs.own.stanza) await archiveNewestWal(operation);
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
