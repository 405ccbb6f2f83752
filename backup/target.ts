import { newestBackup, type BackupInfo, type StanzaInfo } from "./info";

/** How far a restore goes; the newest there is if nothing is given. */
export interface Target {
  /** With its offset. */
  time?: string;
  /** A restore point. */
  name?: string;
  lsn?: string;
  /** Label of the backup to begin with; without another target, its end is the target. */
  backup?: string;
}

/** Bytes of a WAL segment, as initdb makes them. */
const SEGMENT = 16 * 2 ** 20;

/** A time as a moment. */
export function momentOf(time: string): Date {
  return new Date(time.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"));
}

/** What pgBackRest's restore is told. The time is given in UTC, whatever offset it was written with. */
export function restoreArguments({ time, name, lsn, backup }: Target): string[] {
  const set = backup === undefined ? [] : [`--set=${backup}`];
  const promote = "--target-action=promote";
  if (time !== undefined) {
    const utc = `${momentOf(time).toISOString().slice(0, 19).replace("T", " ")}${/\.\d+/.exec(time)?.[0] ?? ""}+00`;
    return [...set, "--type=time", `--target=${utc}`, promote];
  }
  if (name !== undefined) return [...set, "--type=name", `--target=${name}`, promote];
  if (lsn !== undefined) return [...set, "--type=lsn", `--target=${lsn}`, promote];
  if (backup !== undefined) return [...set, "--type=immediate", promote];
  return ["--type=default"];
}

/** A target in words. */
export function describeTarget({ time, name, lsn, backup }: Target): string {
  if (time !== undefined) return `as it was at ${time}`;
  if (name !== undefined) return `as it was at the restore point ${name}`;
  if (lsn !== undefined) return `as it was at ${lsn}`;
  return backup === undefined ? "as new as the archive has it" : "as it was at the end of that backup";
}

const position = (lsn: string): bigint => {
  const [high = "0", low = "0"] = lsn.split("/");
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
};

/** What a restore begins with: the newest backup that ended before the target. Throws, with what there is, if there is none. */
export function chooseBackup(info: StanzaInfo | undefined, stanza: string, target: Target): BackupInfo {
  const all = (info?.backup ?? []).filter(({ error }) => !error);
  if (all.length === 0) throw new Error(`the repository has no backup of ${stanza}`);
  const oldest = [...all].sort((a, b) => a.timestamp.stop - b.timestamp.stop)[0] as BackupInfo;
  const labels = () => [...new Set(all.map(({ label }) => label))].join(", ");
  if (target.backup !== undefined) {
    const found = all.find(({ label }) => label === target.backup);
    if (!found) throw new Error(`the repository has no backup ${target.backup} of ${stanza}; there are ${labels()}`);
    return found;
  }
  const before = all.filter(({ timestamp, lsn }) => {
    if (target.time !== undefined) return timestamp.stop * 1000 < momentOf(target.time).getTime();
    if (target.lsn !== undefined) return lsn !== undefined && position(lsn.stop) <= position(target.lsn);
    return true;
  });
  const chosen = newestBackup({ ...(info as StanzaInfo), backup: before });
  if (!chosen) {
    throw new Error(
      `no backup of ${stanza} ended before ${target.time ?? target.lsn}: the oldest, ${oldest.label}, ended at ` +
        `${new Date(oldest.timestamp.stop * 1000).toISOString()}${oldest.lsn ? ` (${oldest.lsn.stop})` : ""}`,
    );
  }
  return chosen;
}

/** Number of a segment on its timeline. */
function segmentNumber(name: string): number {
  return parseInt(name.slice(8, 16), 16) * 256 + parseInt(name.slice(16, 24), 16);
}

/** Most bytes of WAL that are replayed after a backup: all that the archive has from there on. */
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
