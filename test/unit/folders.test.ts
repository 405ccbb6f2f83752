import { readFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { describe, expect, it } from "vitest";
import { FOLDERS } from "../../folders.cjs";

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
    ["docs/architecture.md", picture()],
  ])("is what %s shows", async (file, text) => {
    const shown = await format(text, { ...(await resolveConfig(join(ROOT, file))), parser: "markdown" });
    expect(readFileSync(join(ROOT, file), "utf8")).toContain(shown);
  });
});
