import { describeProblem } from "../../../backup/bucket-problem";
import { unreadable, newestBackup } from "../../../backup/info";
import { repositoryNumbers, onlyRepositories } from "../../../backup/options";
import { chooseBackups, describeTarget, endsWithBackup, walAfter } from "../../../backup/target";
import type { Host } from "../../host";
import { mustBeWritable } from "../../host-folder";
import type { Operation } from "../../kind";
import { readInfo, type Repositories, selectRepositories } from "../../restore";
import { inspectForeignVolume, mustBeUnused } from "../../data-volume";
import { explainRunning } from "../../running";
import type { ClusterInputs } from "./inputs";

const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MB`;

export const describeSkipped = (problem: string) => `the restore continues without ${problem}`;

export async function explainRestore(inputs: ClusterInputs, { host, info, warn }: Operation): Promise<void> {
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
export async function mustExist(host: Host, { mounts }: Repositories): Promise<void> {
  for (const source of Object.values(mounts)) {
    if (!source.startsWith("/") && !(await host.volumeExists(source)))
      throw new Error(
        `volume ${source}: not on the Docker engine, but restoreFrom reads backups from it; restore it, or declare another repository`,
      );
  }
}

/** Refuses an empty cluster if the repositories hold backups under its name. */
export async function mustBeNew({ own, ownSecrets, image }: ClusterInputs, host: Host): Promise<void> {
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
export async function explainForeign(inputs: ClusterInputs, { host, info, warn, hazard }: Operation): Promise<boolean> {
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
