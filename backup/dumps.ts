import type { BackupConfig } from "../config/backup";

export type Dumps = Pick<NonNullable<BackupConfig["dumps"]>, "keep" | "databases">;

const encoded = (text: string) => Buffer.from(text).toString("base64");

/** Formats the agent's file of dumps: how many to keep, then a line a database with its schemas. No such line: all databases. */
export function renderDumps({ keep, databases }: Dumps): string {
  const lines = Object.entries(databases).map(([name, { schemas }]) =>
    ["database", encoded(name), ...schemas.map(encoded)].join(" "),
  );
  return [`keep ${keep}`, ...lines].map((line) => `${line}\n`).join("");
}
