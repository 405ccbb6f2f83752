import { bucketProblem } from "../../../backup/bucket-problem";
import { hasBuckets } from "../../../backup/options";
import { labelFlags } from "../../ephemeral-labels";
import type { Operation } from "../../kind";
import { archiveNow } from "../../archive";
import { whyDown } from "../../readiness";
import { selectReadable, restore } from "../../restore";
import { beginFilling, endFilling, remove } from "../../data-volume";
import { copyRunning } from "../../running";
import { withDatabase } from "../../session";
import { mustExist, describeSkipped } from "./report";
import type { ClusterInputs } from "./inputs";

export async function fill(volume: string, inputs: ClusterInputs, { host, info, warn }: Operation): Promise<void> {
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
export async function archiveNewestWal({ host, warn }: Operation): Promise<void> {
  if (await whyDown(host)) return;
  if (!(await withDatabase(host, "postgres", archiveNow)))
    warn("the newest WAL was not archived within a minute; the restore continues with the archived WAL");
}
