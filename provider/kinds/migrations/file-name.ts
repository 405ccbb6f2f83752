// Pure: names of migration files, as dbmate takes them: they begin with the version in digits and end with .sql. The ledger
// keeps the name behind the version: of VERSION_NAME.sql the NAME, of any other file its whole name.

const FILE = /^(\d+).*\.sql$/s;
const USUAL = /^\d+_([A-Za-z0-9_-]*)\.sql$/;

export interface FileName {
  version: string;
  /** As the ledger keeps it. */
  name: string;
}

/** Undefined: not a migration. */
export function parseFileName(file: string): FileName | undefined {
  const version = FILE.exec(file)?.[1];
  return version === undefined ? undefined : { version, name: USUAL.exec(file)?.[1] ?? file };
}

/** The file of a row of the ledger; what dbmate has applied has no name. */
export const fileNameOf = ({ version, name }: FileName): string =>
  name.endsWith(".sql") ? name : `${version}_${name}.sql`;

/** Versions are numbers: 1 and 001 are the same. */
export const sameVersion = (a: string, b: string): boolean => BigInt(a) === BigInt(b);

/** The versions of files, by file name; what is no migration has none. */
export function versionsOf(files: string[]): string[] {
  return files.flatMap((file) => parseFileName(file)?.version ?? []);
}

/** The file of a version, by its name. */
export function fileOf(files: string[], version: string): string | undefined {
  return files.find((file) => versionsOf([file]).some((other) => sameVersion(other, version)));
}

/** The newest of versions; empty if there is none. */
export function newestVersion(versions: string[]): string {
  const [first, ...others] = versions.map(BigInt);
  return first === undefined ? "" : String(others.reduce((a, b) => (a > b ? a : b), first));
}
