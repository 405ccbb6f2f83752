import { formatCount } from "../../format-count";
import { blocksFrom, type MigrationFile, type Section } from "./files/file";
import { sameVersion } from "./files/file-name";
import type { Applied } from "./files/ledger";
import { planMigrations } from "./files/plan";
import type { Step } from "./locks/lock-analysis";
import type { Qualify } from "./run/search-path";

// Pure: the files that an update applies or undoes.

/** A file to apply or to undo. */
export interface Pending {
  verb: "apply" | "undo";
  file: MigrationFile;
  section: Section;
  /** Number of statements that an interrupted run completed. */
  from: number;
  /** Rows that the next statement, in batches, changed before the interruption. */
  rows: number;
}

/** The files to apply and to undo, with the progress of interrupted runs. */
export function listPending(files: MigrationFile[], ledger: Applied[], target: string | undefined): Pending[] {
  const { up, down } = planMigrations(files, ledger, target);
  const begun = ({ version }: MigrationFile) => {
    const row = ledger.find((each) => sameVersion(each.version, version));
    return { from: row?.statements ?? 0, rows: row?.batch?.rows ?? 0 };
  };
  return [
    ...down.map((file) => ({ verb: "undo", file, section: file.down, from: 0, rows: 0 }) as const),
    ...up.map((file) => ({ verb: "apply", file, section: file.up, ...begun(file) }) as const),
  ];
}

/** Describes a pending file. `role`: the role that runs it. */
export function describePending(
  { verb, file, section: { statements, blocks }, from, rows }: Pending,
  role: string,
): string {
  const begun = rows > 0 ? `, which has changed ${formatCount(rows)} rows already` : "";
  const behind = from > 0 || rows > 0 ? `, from statement ${from + 1} on${begun}` : "";
  const count = statements.length === 1 ? "1 statement" : `${statements.length} statements`;
  const separate = blocks[0]?.transaction ? "" : ", each committed separately";
  const parts =
    blocks.length > 1 ? `, in ${blocks.length} parts, each with or without a transaction of its own` : separate;
  return `will ${verb} ${file.file}: ${count} as ${role}${parts}${behind}`;
}

/** The remaining statements of a file, by block. */
export function remainingSteps(
  { file: { file }, section, from }: Pending,
  qualify: Qualify,
): { steps: Step[]; transaction: boolean }[] {
  return blocksFrom(section, from).map(({ statements, transaction }) => ({
    steps: statements.map(({ line, operations, runs }) => ({
      at: `${file} line ${line}`,
      operations: operations.map(qualify),
      runs,
    })),
    transaction,
  }));
}
