import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tokenOf } from "../../provider/declaration";
import { kinds } from "../../provider/kinds";
import schemaFile from "../../provider/package-schema.json";
import type { PackageSchema } from "../../provider/package-schema";
import * as resources from "../../provider/resources";

const schema: PackageSchema = schemaFile;
const FOLDER = join(__dirname, "..", "..", "provider", "kinds");
const folders = readdirSync(FOLDER).filter((name) => statSync(join(FOLDER, name)).isDirectory());
const RETIRED = ["RoleSettings"];
const types = Object.values(kinds)
  .map(({ declaration: { type } }) => type)
  .filter((type) => !RETIRED.includes(type));

describe("the kinds of resources", () => {
  it.each(folders)("%s: a folder with its declaration in inputs.ts and its handlers in index.ts", (folder) => {
    const read = (file: string) => readFileSync(join(FOLDER, folder, file), "utf8");
    expect(read("inputs.ts")).toMatch(/^export const declaration = declare</m);
    expect(read("index.ts")).toMatch(/^export const \w+: Kind</m);
    expect(read("inputs.ts")).not.toMatch(/from "pg"/);
  });

  it("each have one folder and one class", () => {
    const type = (folder: string) => folder.replace(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
    expect(types.sort()).toEqual(folders.map(type).sort());
    const classes = Object.keys(resources).filter((name) => name !== "Provider");
    expect(classes.sort()).toEqual(types);
  });

  it("are in the schema that the plugin answers to Pulumi, without the inputs that no program declares", () => {
    const { name, resources: found, types: named } = schema;
    expect(name).toBe("pgwright");
    expect(Object.keys(found).sort()).toEqual(types.map((type) => tokenOf({ type })));
    for (const [token, each] of Object.entries(found)) {
      const added = Object.keys(kinds[token]?.declaration.wanted ?? {});
      for (const input of added) expect(Object.keys(each.inputProperties), token).not.toContain(input);
      expect(Object.keys(each.properties), token).toEqual(
        expect.arrayContaining([...added, ...each.required, ...(kinds[token]?.declaration.outputs ?? [])]),
      );
      expect(Object.keys(each.inputProperties), token).toEqual(expect.arrayContaining(each.requiredInputs));
      for (const secret of kinds[token]?.declaration.secrets ?? [])
        expect(each.properties, token).toHaveProperty([secret, "secret"], true);
    }
    const references = [...JSON.stringify(schema).matchAll(/"#\/types\/([^"]+)"/g)].map(([, type]) => type);
    expect([...new Set(references)].sort()).toEqual(Object.keys(named).sort());
  });

  it("are known by Pulumi's type token", () => {
    for (const [token, { declaration }] of Object.entries(kinds)) expect(token).toBe(tokenOf(declaration));
  });
});
