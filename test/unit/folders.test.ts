import { readFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { describe, expect, it } from "vitest";
import { FOLDERS, KIND, MIGRATIONS } from "../../folders.cjs";

const ROOT = join(__dirname, "..", "..");
const code = (names: string[]) =>
  names.map((name) => (/\.\w+$/.test(name) ? `\`${name}\`` : `\`${name}/\``)).join(", ");

/** The table as CONTRIBUTING.md shows it. */
function table(): string {
  const rows = Object.entries(FOLDERS).map(([folder, { uses, never, except }]) => {
    const not = Object.keys(never).join(", ");
    return `| ${code([folder])} | ${code(uses) || "nothing else"} | ${not}${except ? ` (but ${code(except)} may)` : ""} |`;
  });
  return ["| folder | may import | never imports |", "| --- | --- | --- |", ...rows].join("\n");
}

/** The files of a kind, in the order in which they may import each other. */
function kindTable(): string {
  const rows = KIND.map(({ files, hold }) => `| ${code(files.map((file) => `${file}.ts`))} | ${hold} |`);
  return ["| file, which imports only those above | contents |", "| --- | --- |", ...rows].join("\n");
}

function migrationsTable(): string {
  const rows = Object.entries(MIGRATIONS).map(
    ([part, uses]) => `| ${code([part])} | ${code(uses) || "nothing else"} |`,
  );
  return ["| folder | may import |", "| --- | --- |", ...rows].join("\n");
}

/** The picture of docs/architecture.md: an arrow for each folder that a folder imports from. */
function picture(): string {
  const name = (place: string) => place.split("/")[0] as string;
  const arrows = Object.entries(FOLDERS).flatMap(([folder, { uses }]) =>
    [...new Set(uses.map(name))].map((used) => `  ${folder.replace(".ts", "")} --> ${used}`),
  );
  return ["```mermaid", "flowchart TD", ...arrows, "```"].join("\n");
}

describe("the table of who may import whom", () => {
  it.each([
    ["CONTRIBUTING.md", table()],
    ["CONTRIBUTING.md", kindTable()],
    ["CONTRIBUTING.md", migrationsTable()],
    ["docs/architecture.md", picture()],
  ])("is what %s shows", async (file, text) => {
    const shown = await format(text, { ...(await resolveConfig(join(ROOT, file))), parser: "markdown" });
    expect(readFileSync(join(ROOT, file), "utf8")).toContain(shown);
  });
});
