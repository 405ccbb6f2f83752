import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { shapeOf, type Shape } from "../../../config/allowed";
import { generateFiles, stackFileSchema } from "../../../config/json-schema";
import { parseStack } from "../../../config/parse";
import { databaseSchema, grantSchema } from "../../../config/databases";
import { roleSchema } from "../../../config/roles";
import { imageSchema, passwordsSchema, serverSchema, stackSchema } from "../../../config/stack";

const ROOT = join(__dirname, "..", "..", "..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** The configuration in a stack file, without the prefix. */
function stackIn(text: string): Record<string, unknown> {
  const { config } = parse(text) as { config: Record<string, unknown> };
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name.replace("pgwright:", ""), value]));
}

type Schema = Shape & { properties: Record<string, Schema>; patternProperties?: Record<string, unknown> };

describe("files that are generated from config/stack.ts", () => {
  it("is fresh (npx sucrase-node config/json-schema.ts)", async () => {
    for (const [file, text] of Object.entries(await generateFiles()))
      expect(readFileSync(file, "utf8"), file).toBe(text);
  });

  it("has every key of the stack file, and lets those of other packages and of Pulumi be", () => {
    const { config, ...pulumis } = (stackFileSchema() as unknown as Schema).properties;
    const secrets = ["passwords", "backupPassphrase", "restorePassphrase", "backupS3", "restoreS3"];
    const wanted = [...Object.keys(stackSchema.shape), ...secrets].map((name) => `pgwright:${name}`);
    expect(Object.keys(config?.properties ?? {})).toEqual(wanted);
    expect(Object.keys(pulumis)).toEqual(["secretsprovider", "encryptedkey", "encryptionsalt", "environment"]);
    expect(config?.additionalProperties).toBe(false);
    const others = new RegExp(Object.keys(config?.patternProperties ?? {})[0] ?? "^$");
    expect(["docker:host", "aws:region", "pgwright:databasses"].map((key) => others.test(key))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("takes secrets only as Pulumi encrypts them", () => {
    const { config } = (stackFileSchema() as unknown as Schema).properties;
    const encrypted = { type: "object", required: ["secure"], additionalProperties: false };
    expect(config?.properties["pgwright:backupPassphrase"]).toMatchObject(encrypted);
    expect(config?.properties["pgwright:passwords"]?.additionalProperties).toMatchObject(encrypted);
    expect(config?.properties["pgwright:backupS3"]?.additionalProperties).toMatchObject({
      properties: { key: encrypted, secret: encrypted },
      required: ["key", "secret"],
      additionalProperties: false,
    });
  });

  it("passes what is known of a key on to editors", () => {
    const { config } = (stackFileSchema() as unknown as Schema).properties;
    const server = config?.properties["pgwright:server"];
    expect(server?.additionalProperties).toBe(false);
    expect(server?.properties.port).toEqual({
      default: 5432,
      description: "Port on the Docker host.",
      examples: [15432],
      type: "integer",
      minimum: 1,
      maximum: 65535,
    });
    expect(server?.properties.memory).toMatchObject({
      pattern: "^[1-9]\\d*(MB|GB|TB)$",
      patternErrorMessage: "Write a whole number and MB, GB or TB, such as 512MB or 2GB.",
    });
  });

  // Editors know these words of JSON Schema; a keyword that slipped through from elsewhere would be ignored silently.
  it("uses no keyword that editors do not know", () => {
    const known =
      "$schema title description type properties patternProperties additionalProperties required default examples enum const";
    const more =
      "minimum maximum minLength maxLength minItems maxItems pattern patternErrorMessage errorMessage format items anyOf propertyNames";
    const words = new Set(`${known} ${more}`.split(" "));
    const unknown = new Set<string>();
    const visit = (schema: unknown): void => {
      if (typeof schema !== "object" || schema === null) return;
      for (const [word, value] of Object.entries(schema)) {
        if (!words.has(word)) unknown.add(word);
        if (word === "properties" || word === "patternProperties") Object.values(value as object).forEach(visit);
        else if (["items", "additionalProperties", "propertyNames"].includes(word)) visit(value);
        else if (word === "anyOf") (value as unknown[]).forEach(visit);
      }
    };
    visit(stackFileSchema());
    expect([...unknown]).toEqual([]);
  });
});

describe("every key", () => {
  const maps: [string, z.ZodObject][] = [
    ["image", imageSchema],
    ["server", serverSchema],
    ["role", roleSchema],
    ["database", databaseSchema],
    ["grant", grantSchema],
    ["stack", stackSchema],
  ];

  it.each(maps)("of %s is described and has an example that is allowed", (_name, schema) => {
    for (const [name, field] of Object.entries(schema.shape)) {
      const { description, examples } = shapeOf(field as z.ZodType);
      expect(description, name).toMatch(/\.$|\?.*\.$/);
      expect(examples, name).toHaveLength(1);
      expect(() => (field as z.ZodType).parse(examples?.[0]), name).not.toThrow();
    }
  });

  it("below those is described too", () => {
    const undescribed: string[] = [];
    const visit = (path: string, { description, properties = {}, additionalProperties }: Shape): void => {
      if (path !== "" && !description) undescribed.push(path);
      for (const [name, each] of Object.entries(properties)) visit(`${path}.${name}`, each);
      if (typeof additionalProperties !== "object") return;
      for (const [name, each] of Object.entries(additionalProperties.properties ?? {}))
        visit(`${path}.*.${name}`, each);
    };
    visit("", shapeOf(stackSchema));
    visit("passwords", shapeOf(passwordsSchema));
    expect(undescribed).toEqual([]);
  });
});

describe("stack files of the repository", () => {
  const examples = readdirSync(join(ROOT, "docs/examples")).filter((file) => file.endsWith(".yaml"));
  it.each(["Pulumi.dev.yaml", ...examples.map((file) => `docs/examples/${file}`)])(
    "%s is valid and names its schema",
    (file) => {
      expect(read(file)).toMatch(/^# yaml-language-server: \$schema=\.\/config\/stack\.schema\.json\n/);
      expect(() => parseStack(stackIn(read(file)))).not.toThrow();
    },
  );

  it("examples have ports of their own, so that each can run beside the others", () => {
    const ports = examples.map((file) => parseStack(stackIn(read(`docs/examples/${file}`))).server.port);
    expect(new Set(ports).size).toBe(ports.length);
  });

  it("the README shows the example as it is", () => {
    expect(read("README.md")).toContain(`\`\`\`yaml\n${read("docs/examples/Pulumi.shop.yaml")}\`\`\`\n`);
  });

  it("docs/components.md shows the program as it is", () => {
    const shown = read("docs/components.md");
    expect(shown).toContain(`\`\`\`ts\n${read("docs/examples/program/index.ts")}\`\`\`\n`);
    expect(shown).toContain(`\`\`\`yaml\n${read("docs/examples/program/Pulumi.yaml")}\`\`\`\n`);
  });
});
