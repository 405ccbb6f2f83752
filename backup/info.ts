/** What `pgbackrest info --output=json` says of a stanza, as far as it is used here. */
export interface StanzaInfo {
  name: string;
  /** 0: well; 2: no stanza; 3: no backup; others: see the message. */
  status: { code: number; message: string };
  repo?: { key: number; status: { code: number; message: string } }[];
  db: { id: number; "repo-key": number; "system-id": string; version: string }[];
  archive: { database: { id: number; "repo-key": number }; min: string | null; max: string | null }[];
  backup: BackupInfo[];
}

export interface BackupInfo {
  label: string;
  type: "full" | "diff" | "incr";
  error: boolean | null;
  database: { id: number; "repo-key": number };
  /** Names of WAL segments. */
  archive: { start: string | null; stop: string | null };
  lsn?: { start: string; stop: string };
  /** Seconds since 1970. */
  timestamp: { start: number; stop: number };
  info: { size: number; repository: { delta: number; size?: number } };
}

/** Codes of a stanza's status in a repository. */
export const NO_STANZA = [1, 2];
export const NO_BACKUP = 3;
const UNREADABLE = 99;

/**
 * Asks what repositories hold. One that does not answer is given up soon: pgBackRest tries again and again, for nine times as
 * long as it is told.
 */
export const INFO = ["--io-timeout=5", "--output=json", "info"];

/** The stanza of that name in an answer; system identifiers stay exact, as text. */
export function parseInfo(json: string, stanza: string): StanzaInfo | undefined {
  // The text of an error is given with its line ends as they are, which JSON does not allow.
  const text = json.replace(/\p{Cc}+/gu, " ");
  const all = JSON.parse(text.replace(/("system-id":)(\d+)/g, '$1"$2"')) as StanzaInfo[];
  return all.find(({ name }) => name === stanza);
}

/** A repository of that number cannot be read. */
export interface Unreadable {
  key: number;
  message: string;
}

/** Repositories that cannot be read (the wrong passphrase, say). */
export function unreadable(info: StanzaInfo | undefined): Unreadable[] {
  return (info?.repo ?? [])
    .filter(({ status }) => status.code === UNREADABLE)
    .map(({ key, status }) => ({ key, message: status.message }));
}

/** Codes by repository, from 1 on. */
export function statusOf(info: StanzaInfo | undefined, repository: number): { code: number; message: string } {
  const found = info?.repo?.find(({ key }) => key === repository)?.status;
  return found ?? { code: 1, message: "missing stanza path" };
}

/** The newest backup in a repository that ended well. */
export function newestBackup(info: StanzaInfo | undefined, repository?: number): BackupInfo | undefined {
  return info?.backup
    .filter(({ error, database }) => !error && (repository === undefined || database["repo-key"] === repository))
    .sort((a, b) => b.timestamp.stop - a.timestamp.stop)[0];
}

/** Is a backup still there, with the WAL since its begin? A server that goes on lets old ones go. */
export function isWhole(info: StanzaInfo | undefined, label: string): boolean {
  const { archive = [], backup = [] } = info ?? {};
  return backup.some(({ label: other, database, archive: { start } }) => {
    const { min } = archive.find(({ database: of }) => sameDatabase(of, database)) ?? {};
    return other === label && start && min ? min <= start : false;
  });
}

const sameDatabase = (a: BackupInfo["database"], b: BackupInfo["database"]) =>
  a.id === b.id && a["repo-key"] === b["repo-key"];
