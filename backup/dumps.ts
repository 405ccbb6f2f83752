import type { BackupConfig } from "../config/backup";

export type Dumps = Pick<NonNullable<BackupConfig["dumps"]>, "keep" | "databases">;

const encoded = (text: string) => Buffer.from(text).toString("base64");

/** The agent's file of what it dumps: how many are kept, then a line a database with its schemas; none: all databases. */
export function renderDumps({ keep, databases }: Dumps): string {
  const lines = Object.entries(databases).map(([name, { schemas }]) =>
    ["database", encoded(name), ...schemas.map(encoded)].join(" "),
  );
  return [`keep ${keep}`, ...lines].map((line) => `${line}\n`).join("");
}
