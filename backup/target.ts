import type { BackupInfo, StanzaInfo } from "./info";

/** The target of a restore; the end of the archived WAL if nothing is given. */
export interface Target {
  /** With its time zone offset. */
  time?: string;
  /** A restore point. */
  name?: string;
  lsn?: string;
  /** Label of the backup to restore; its end is the target if no other one is given. */
  backup?: string;
  /** The newest if absent. */
  timeline?: number;
}

/** Bytes of a WAL segment: initdb's default. */
const SEGMENT = 16 * 2 ** 20;

/** Parses the time of a target. */
export function momentOf(time: string): Date {
  return new Date(time.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"));
}

/** Whether a restore ends with its backup, without replay of later WAL. */
export const endsWithBackup = ({ time, name, lsn, backup }: Target): boolean =>
  backup !== undefined && [time, name, lsn].every((each) => each === undefined);

/** The arguments of pgbackrest restore. The time is converted to UTC. */
export function restoreArguments(target: Target): string[] {
  const { time, name, lsn, backup, timeline } = target;
  const common = [
    ...(backup === undefined ? [] : [`--set=${backup}`]),
    ...(timeline === undefined ? [] : [`--target-timeline=${timeline}`]),
  ];
  const promote = "--target-action=promote";
  if (time !== undefined) {
    const utc = `${momentOf(time).toISOString().slice(0, 19).replace("T", " ")}${/\.\d+/.exec(time)?.[0] ?? ""}+00`;
    return [...common, "--type=time", `--target=${utc}`, promote];
  }
  if (name !== undefined) return [...common, "--type=name", `--target=${name}`, promote];
  if (lsn !== undefined) return [...common, "--type=lsn", `--target=${lsn}`, promote];
  if (endsWithBackup(target)) return [...common, "--type=immediate", promote];
  return [...common, "--type=default"];
}

/** Describes a target, as the end of a sentence. */
export function describeTarget(target: Target): string {
  const { time, name, lsn } = target;
  if (time !== undefined) return `as it was at ${time}`;
  if (name !== undefined) return `as it was at the restore point ${name}`;
  if (lsn !== undefined) return `as it was at ${lsn}`;
  return endsWithBackup(target) ? "as it was at the end of that backup" : "up to the end of the archived WAL";
}

const position = (lsn: string): bigint => {
  const [high = "0", low = "0"] = lsn.split("/");
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
};

/**
 * The backups that a restore can begin with: those that ended before the target, newest first. A restore uses the first one, except
 * for a restore point: only the WAL shows its position, so that older backups are tried too. Throws, with the existing ones, if none fits.
 */
export function chooseBackups(info: StanzaInfo | undefined, stanza: string, target: Target): BackupInfo[] {
  const all = (info?.backup ?? [])
    .filter(({ error }) => !error)
    .sort((a, b) => b.timestamp.stop - a.timestamp.stop || a.database["repo-key"] - b.database["repo-key"]);
  const oldest = all.at(-1);
  if (!oldest) throw new Error(`the repository has no backup of ${stanza}`);
  if (target.backup !== undefined) {
    const found = all.filter(({ label }) => label === target.backup);
    const labels = [...new Set(all.map(({ label }) => label))].join(", ");
    if (found.length > 0) return found;
    throw new Error(`the repository has no backup ${target.backup} of ${stanza}; there are ${labels}`);
  }
  const before = all.filter(({ timestamp, lsn }) => {
    if (target.time !== undefined) return timestamp.stop * 1000 < momentOf(target.time).getTime();
    if (target.lsn !== undefined) return lsn !== undefined && position(lsn.stop) <= position(target.lsn);
    return true;
  });
  if (before.length > 0) return before;
  throw new Error(
    `no backup of ${stanza} ended before ${target.time ?? target.lsn}: the oldest, ${oldest.label}, ended at ` +
      `${new Date(oldest.timestamp.stop * 1000).toISOString()}${oldest.lsn ? ` (${oldest.lsn.stop})` : ""}`,
  );
}

/** The number of a segment on its timeline. */
function segmentNumber(name: string): number {
  return parseInt(name.slice(8, 16), 16) * 256 + parseInt(name.slice(16, 24), 16);
}

/** Upper bound of the bytes of WAL that are replayed after a backup: all archived WAL since its start. */
export function walAfter(info: StanzaInfo | undefined, backup: BackupInfo): number {
  const repository = backup.database["repo-key"];
  const newest = info?.archive
    .filter(({ database }) => database["repo-key"] === repository)
    .map(({ max }) => max)
    .sort()
    .at(-1);
  if (!newest || !backup.archive.start) return 0;
  return Math.max(0, segmentNumber(newest) - segmentNumber(backup.archive.start) + 1) * SEGMENT;
}
