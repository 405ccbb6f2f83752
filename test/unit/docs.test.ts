import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { stackSchema } from "../../config/stack";
import { scripts } from "../../package.json";

const ROOT = join(__dirname, "..", "..");
const FOLDERS = [".", "docs", "sql", "sql/functions/tiers", "test/integration/attacks"];
const PAGES = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith(".md"))
    .map((file) => normalize(join(folder, file))),
);
const textOf = (page: string) => readFileSync(join(ROOT, page), "utf8");

/** A page without its blocks of code, and these, with the language that they are marked with. */
function partsOf(page: string): { prose: string; blocks: { language: string; code: string }[] } {
  const blocks: { language: string; code: string }[] = [];
  const prose = textOf(page).replace(
    /^(````?)([a-z]*)\n([\s\S]*?)^\1$/gm,
    (_all, _fence, language: string, code: string) => {
      blocks.push({ language, code });
      return "";
    },
  );
  return { prose, blocks };
}

/** The anchors of a page's headings, as GitHub makes them. */
const anchorsOf = (page: string) =>
  [...partsOf(page).prose.matchAll(/^#+ +(.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-"),
  );

describe.each(PAGES)("%s", (page) => {
  const { prose, blocks } = partsOf(page);

  it("links to files and headings that exist", () => {
    const broken = [...prose.matchAll(/\]\(([^)\s#]*)(?:#([^)\s]*))?\)/g)].flatMap(([link, path = "", anchor]) => {
      if (/^[a-z]+:/.test(path)) return [];
      const target = path === "" ? page : relative(ROOT, join(ROOT, dirname(page), path));
      if (!existsSync(join(ROOT, target))) return [link];
      return anchor !== undefined && target.endsWith(".md") && !anchorsOf(target).includes(anchor) ? [link] : [];
    });
    expect(broken).toEqual([]);
  });

  it("names npm commands that exist", () => {
    const named = [
      ...textOf(page).matchAll(/npm (?:run )?(?:--silent )?(?:(?<=run (?:--silent )?)([a-z:]+)|(test)\b)/g),
    ];
    const unknown = named.map(([, run, test]) => run ?? test ?? "").filter((name) => !(name in scripts));
    expect(unknown).toEqual([]);
  });

  it("shows stack files whose keys and values are allowed", () => {
    const problems = blocks.flatMap(({ language, code }) => {
      if (language !== "yaml" || !/^(config:|pgwright:)/m.test(code)) return [];
      const file = parse(code) as { config?: object };
      const keys = Object.entries(file.config ?? file).filter(([key]) => key.startsWith("pgwright:"));
      const stack = Object.fromEntries(keys.map(([key, value]) => [key.slice("pgwright:".length), value]));
      const { error } = stackSchema.safeParse(stack);
      return (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
    });
    expect(problems).toEqual([]);
  });
});
