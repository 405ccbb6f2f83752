import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describeShape, shapeOf, type Shape } from "./allowed";
import { reference } from "./reference";
import { s3KeysSchema } from "./s3";
import { passwordsSchema, secretsSchema, stackSchema } from "./stack";

// npx sucrase-node config/json-schema.ts [--check]
// Generates the JSON Schema for editors and the reference in docs/ from config/stack.ts; with --check exits with 1 if a file is stale.

const ROOT = join(__dirname, "..");

/** Keys of a stack file that belong to Pulumi. */
const PULUMI: Record<string, Shape & Record<string, unknown>> = {
  secretsprovider: { type: "string", description: "Pulumi: the provider that encrypts the secrets of this stack." },
  encryptedkey: { type: "string", description: "Pulumi: the encrypted key of the secrets provider." },
  encryptionsalt: { type: "string", description: "Pulumi: the salt of the passphrase." },
  environment: { type: ["array", "object"], description: "Pulumi: environments of Pulumi ESC." },
};

/** A shape for editors: the description of what a pattern allows becomes their error message. */
function forEditors(shape: Shape): Record<string, unknown> {
  const { allowed, items, anyOf, properties, propertyNames, additionalProperties, ...rest } = shape;
  const message = allowed
    ? { [shape.pattern ? "patternErrorMessage" : "errorMessage"]: `Write ${describeShape(shape)}.` }
    : {};
  const each = (of: Record<string, Shape>) =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [name, forEditors(value)]));
  return {
    ...rest,
    ...message,
    ...(items ? { items: forEditors(items) } : {}),
    ...(anyOf ? { anyOf: anyOf.map(forEditors) } : {}),
    ...(properties ? { properties: each(properties) } : {}),
    ...(propertyNames ? { propertyNames: forEditors(propertyNames) } : {}),
    ...(additionalProperties === undefined
      ? {}
      : {
          additionalProperties:
            typeof additionalProperties === "object" ? forEditors(additionalProperties) : additionalProperties,
        }),
  };
}

/** The shape of secrets, which are refused in plain text (config/read.ts). */
function encrypted(shape: Shape): Record<string, unknown> {
  const { description, properties, propertyNames, required, additionalProperties, type, examples } = shape;
  if (type !== "object") {
    return {
      description,
      type: "object",
      properties: { secure: { type: "string", description: "As `pulumi config set --secret` writes it." } },
      required: ["secure"],
      additionalProperties: false,
    };
  }
  const each = (of: Record<string, Shape>) =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [name, encrypted(value)]));
  return {
    description,
    examples,
    type,
    ...(propertyNames ? { propertyNames: forEditors(propertyNames) } : {}),
    ...(properties ? { properties: each(properties), required } : {}),
    additionalProperties: typeof additionalProperties === "object" ? encrypted(additionalProperties) : false,
  };
}

/** The JSON Schema of a whole Pulumi.<stack>.yaml. */
export function stackFileSchema(): Record<string, unknown> {
  const keys = shapeOf(stackSchema).properties ?? {};
  const secrets = { passwords: passwordsSchema, ...secretsSchema.shape, ...s3KeysSchema.shape };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Stack file of pgwright",
    description: "Generated from config/stack.ts by `npx sucrase-node config/json-schema.ts`.",
    type: "object",
    properties: {
      config: {
        type: "object",
        properties: {
          ...Object.fromEntries(Object.entries(keys).map(([name, shape]) => [`pgwright:${name}`, forEditors(shape)])),
          ...Object.fromEntries(
            Object.entries(secrets).map(([name, schema]) => [`pgwright:${name}`, encrypted(shapeOf(schema))]),
          ),
        },
        // Other packages check their own settings, such as docker:host.
        patternProperties: { "^(?!pgwright:)": {} },
        additionalProperties: false,
      },
      ...PULUMI,
    },
    additionalProperties: false,
  };
}

/** The content of each generated file, by its path. */
export async function generateFiles(): Promise<Record<string, string>> {
  return {
    [join(ROOT, "config", "stack.schema.json")]: `${JSON.stringify(stackFileSchema(), null, 2)}\n`,
    [join(ROOT, "docs", "stack-file.md")]: await reference(),
  };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

async function main(): Promise<void> {
  const files = Object.entries(await generateFiles());
  const stale = files.filter(([file, text]) => textOf(file) !== text);
  const names = stale.map(([file]) => relative(process.cwd(), file)).join(", ");
  if (process.argv.includes("--check")) {
    if (stale.length > 0) {
      console.error(`stale: ${names}; run npx sucrase-node config/json-schema.ts`);
      process.exitCode = 1;
    }
    return;
  }
  for (const [file, text] of stale) writeFileSync(file, text);
  console.log(stale.length > 0 ? `written: ${names}` : "nothing has changed");
}

if (require.main === module) void main();
