// Pure: names of migration files in dbmate's format: a version in digits first, and the suffix .sql. The ledger has the part NAME of
// VERSION_NAME.sql, and the whole name of any other file.

const FILE = /^(\d+).*\.sql$/s;
const USUAL = /^\d+_([A-Za-z0-9_-]*)\.sql$/;

export interface FileName {
  version: string;
  /** As in the ledger. */
  name: string;
}

/** Undefined if the file is not a migration. */
export function parseFileName(file: string): FileName | undefined {
  const version = FILE.exec(file)?.[1];
  return version === undefined ? undefined : { version, name: USUAL.exec(file)?.[1] ?? file };
}

/** The file of a row of the ledger; rows of dbmate have an empty name. */
export const fileNameOf = ({ version, name }: FileName): string =>
  name.endsWith(".sql") ? name : `${version}_${name}.sql`;

/** Compares versions as numbers: 1 and 001 are the same. */
export const sameVersion = (a: string, b: string): boolean => BigInt(a) === BigInt(b);

/** The versions of files, by file name; other files are ignored. */
export function versionsOf(files: string[]): string[] {
  return files.flatMap((file) => parseFileName(file)?.version ?? []);
}

/** The file of a version, by its name. */
export function fileOf(files: string[], version: string): string | undefined {
  return files.find((file) => versionsOf([file]).some((other) => sameVersion(other, version)));
}

/** The newest version; an empty text if there is none. */
export function newestVersion(versions: string[]): string {
  const [first, ...others] = versions.map(BigInt);
  return first === undefined ? "" : String(others.reduce((a, b) => (a > b ? a : b), first));
}
