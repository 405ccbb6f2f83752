import { hashOfDone, type MigrationFile, type Section } from "./file";
import { fileNameOf } from "./file-name";
import { describeUndecided, type Applied } from "./ledger";

export type Undone = MigrationFile & { down: Section };

export interface Plan {
  up: MigrationFile[];
  down: Undone[];
}

/**
 * The files to apply and to undo, so that exactly `files` up to version `target` are applied. Throws if an applied file was edited or
 * is missing, or if a new file is older than an applied one.
 */
export function planMigrations(files: MigrationFile[], applied: Applied[], target: string | undefined): Plan {
  const byVersion = new Map(files.map((file) => [BigInt(file.version), file]));
  const problems = applied.flatMap((row) => problemOf(row, byVersion.get(BigInt(row.version))) ?? []);
  const done = new Set(applied.filter(({ finished }) => finished).map(({ version }) => BigInt(version)));
  const newest = [...done].reduce((a, b) => (a > b ? a : b), -1n);
  const wanted = files.filter(({ version }) => target === undefined || BigInt(version) <= BigInt(target));
  if (target !== undefined && !byVersion.has(BigInt(target))) {
    problems.push(`target ${target} is not a version in the folder`);
  }
  const up = wanted.filter(({ version }) => !done.has(BigInt(version)));
  for (const file of up) {
    if (BigInt(file.version) < newest) {
      problems.push(`${file.file} is older than ${newest}, which was applied; give it a newer version`);
    }
  }
  const down = files.filter((file) => done.has(BigInt(file.version)) && !wanted.includes(file)).reverse();
  for (const file of down) {
    if (file.downProblem) problems.push(`${file.file} cannot be undone: ${file.downProblem}`);
    else if (!file.down) problems.push(`${file.file} cannot be undone: it has nothing under "-- migrate:down"`);
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return { up, down: down as Undone[] };
}

function problemOf(row: Applied, file: MigrationFile | undefined): string | undefined {
  if (row.waits?.status === "unknown") return describeUndecided(row.version, row.waits.xid, "unknown");
  if (!file) return `${fileNameOf({ ...row, name: row.name || "..." })} was applied and is missing; restore the file`;
  if (!row.finished) {
    // The failed statement may be corrected, the completed ones may not.
    if (row.statements === 0 || row.hash === hashOfDone(file.up, row.statements)) return undefined;
    return `${file.file} is applied up to statement ${row.statements}, and the applied statements were edited since; restore these statements`;
  }
  // dbmate records no hashes.
  if (row.hash === "" || row.hash === file.hash) return undefined;
  return `${file.file} was applied and has been edited since; restore the file and write a new migration`;
}
