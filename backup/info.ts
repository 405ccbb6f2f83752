/** A stanza in the output of `pgbackrest info --output=json`: the parts that pgwright uses. */
export interface StanzaInfo {
  name: string;
  /** 0: ok; 2: no stanza; 3: no backup; others: see the message. */
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
 * Arguments of pgbackrest that list the contents of repositories. The timeout is short, since pgBackRest retries a repository that
 * does not answer for nine times as long.
 */
export const INFO = ["--io-timeout=5", "--output=json", "info"];

/** The stanza of that name in the output. System identifiers become texts, since numbers would lose digits. */
export function parseInfo(json: string, stanza: string): StanzaInfo | undefined {
  // Texts of errors contain unescaped line ends, which JSON does not allow.
  const text = json.replace(/\p{Cc}+/gu, " ");
  const all = JSON.parse(text.replace(/("system-id":)(\d+)/g, '$1"$2"')) as StanzaInfo[];
  return all.find(({ name }) => name === stanza);
}

/** A repository that cannot be read, by its number. */
export interface Unreadable {
  key: number;
  message: string;
}

/** Repositories that cannot be read, for example because of a wrong passphrase. */
export function unreadable(info: StanzaInfo | undefined): Unreadable[] {
  return (info?.repo ?? [])
    .filter(({ status }) => status.code === UNREADABLE)
    .map(({ key, status }) => ({ key, message: status.message }));
}

/** The status of a repository; numbers begin with 1. */
export function statusOf(info: StanzaInfo | undefined, repository: number): { code: number; message: string } {
  const found = info?.repo?.find(({ key }) => key === repository)?.status;
  return found ?? { code: 1, message: "missing stanza path" };
}

/** The newest backup without an error, in one repository or in all. */
export function newestBackup(info: StanzaInfo | undefined, repository?: number): BackupInfo | undefined {
  return info?.backup
    .filter(({ error, database }) => !error && (repository === undefined || database["repo-key"] === repository))
    .sort((a, b) => b.timestamp.stop - a.timestamp.stop)[0];
}

/** Whether a backup still exists, with the WAL since its start. The retention of a running server expires both. */
export function isWhole(info: StanzaInfo | undefined, label: string): boolean {
  const { archive = [], backup = [] } = info ?? {};
  return backup.some(({ label: other, database, archive: { start } }) => {
    const { min } = archive.find(({ database: of }) => sameDatabase(of, database)) ?? {};
    return other === label && start && min ? min <= start : false;
  });
}

const sameDatabase = (a: BackupInfo["database"], b: BackupInfo["database"]) =>
  a.id === b.id && a["repo-key"] === b["repo-key"];
