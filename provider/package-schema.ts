import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createGenerator } from "ts-json-schema-generator";
import type { AnyDeclaration } from "./declaration";
import { tokenOf } from "./declaration";
import { kinds } from "./kinds";
import * as classes from "./resources";

// npx sucrase-node provider/package-schema.ts [--check]
// Generates the schema of the package for Pulumi (package-schema.json) from the declarations and interfaces of kinds/NAME/inputs.ts;
// with --check exits with 1 if the file is out of date. https://www.pulumi.com/docs/using-pulumi/pulumi-packages/schema/

const FILE = join(__dirname, "package-schema.json");

/** The part of JSON Schema that interfaces lead to. */
interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  description?: string;
  definitions?: Record<string, JsonSchema>;
}

/** Pulumi's PropertySpec. */
interface PropertySpec {
  type?: string;
  $ref?: string;
  description?: string;
  items?: PropertySpec;
  additionalProperties?: PropertySpec;
  oneOf?: PropertySpec[];
  secret?: boolean;
}

interface ObjectSpec {
  type: string;
  description?: string;
  properties: Record<string, PropertySpec>;
  required: string[];
}

type Members = Omit<ObjectSpec, "type">;

interface ResourceSpec extends Omit<ObjectSpec, "type"> {
  inputProperties: Record<string, PropertySpec>;
  requiredInputs: string[];
  aliases?: { type: string }[];
}

export interface PackageSchema {
  name: string;
  description: string;
  resources: Record<string, ResourceSpec>;
  types: Record<string, ObjectSpec>;
}

const generator = createGenerator({
  path: join(__dirname, "kinds", "*", "inputs.ts"),
  tsconfig: join(__dirname, "..", "tsconfig.json"),
  expose: "none",
  skipTypeCheck: true, // the check of types comes before
});

const capitalized = (text: string) => text[0]?.toUpperCase() + text.slice(1);
const isNull = ({ type, const: value }: JsonSchema) => type === "null" || value === null;

/** Converts interfaces to Pulumi's types; objects within become types of their own, named after their path. */
class Converter {
  readonly types: Record<string, ObjectSpec> = {};

  private definitions: Record<string, JsonSchema> = {};

  private resolve(schema: JsonSchema): JsonSchema {
    const name = schema.$ref && decodeURIComponent(schema.$ref.replace("#/definitions/", ""));
    return name
      ? this.resolve({ ...this.definitions[name], ...(schema.description && { description: schema.description }) })
      : schema;
  }

  /** `name`: of the type, if it is an object with properties. */
  private property(schema: JsonSchema, name: string): PropertySpec {
    const { description, ...found } = this.resolve(schema);
    const spec = this.typeOf(found, name);
    const values = found.enum?.filter((value) => value !== null).join(", ");
    const text = [description, values && `One of ${values}.`].filter(Boolean).join(" ");
    return { ...spec, ...(text && { description: text }) };
  }

  private typeOf(schema: JsonSchema, name: string): PropertySpec {
    const { anyOf, items, properties, additionalProperties } = schema;
    if (anyOf) {
      const [one, ...others] = anyOf.filter((each) => !isNull(each));
      if (one && others.length === 0) return this.property(one, name);
      return { oneOf: [one, ...others].map((each, i) => this.property(each ?? {}, `${name}${i + 1}`)) };
    }
    const [type] = [schema.type ?? []].flat().filter((each) => each !== "null");
    if (properties) {
      this.types[`pgwright:index:${name}`] = { type: "object", ...this.membersOf(schema, name) };
      return { $ref: `#/types/pgwright:index:${name}` };
    }
    if (type === "array") return { type, items: this.property(items ?? {}, `${name}Item`) };
    if (type === "object")
      return {
        type,
        additionalProperties: this.property(
          typeof additionalProperties === "object" ? additionalProperties : {},
          `${name}Value`,
        ),
      };
    return type ? { type } : { $ref: "pulumi.json#/Any" };
  }

  /** The properties of an exported interface. `prefix`: of the names of types within. */
  members(exported: string, prefix: string): Members {
    const schema = generator.createSchema(exported) as JsonSchema;
    this.definitions = schema.definitions ?? {};
    return this.membersOf(this.resolve(schema), prefix);
  }

  private membersOf({ properties = {}, required = [] }: JsonSchema, prefix: string): Members {
    const each = Object.entries(properties).map(([key, value]) => [
      key,
      this.property(value, prefix + capitalized(key)),
    ]);
    return { properties: Object.fromEntries(each), required };
  }
}

function resourceOf(
  { type, wanted = {}, secrets = [], aliases = [] }: AnyDeclaration,
  converter: Converter,
): ResourceSpec {
  const inputs = converter.members(`${type}Inputs`, type);
  const state = converter.members(`${type}State`, type);
  const isDeclared = (name: string) => !(name in wanted);
  const marked = (properties: Record<string, PropertySpec>) =>
    Object.entries(properties).map(
      ([name, spec]) => [name, secrets.includes(name) ? { ...spec, secret: true } : spec] as const,
    );
  return {
    properties: Object.fromEntries(marked(state.properties)),
    required: state.required,
    inputProperties: Object.fromEntries(marked(inputs.properties).filter(([name]) => isDeclared(name))),
    requiredInputs: inputs.required.filter(isDeclared),
    ...(aliases.length > 0 && { aliases: aliases.map((each) => ({ type: String(each.type) })) }),
  };
}

export function packageSchema(): PackageSchema {
  const converter = new Converter();
  const declarations = Object.values(kinds).map(({ declaration }) => declaration);
  const resources = declarations
    .filter(({ type }) => type in classes)
    .map((declaration) => [tokenOf(declaration), resourceOf(declaration, converter)]);
  return {
    name: "pgwright",
    description: "Resources of a PostgreSQL server in a container",
    resources: Object.fromEntries(resources),
    types: converter.types,
  };
}

if (require.main === module) {
  const text = `${JSON.stringify(packageSchema(), null, 2)}\n`;
  const check = process.argv.includes("--check");
  if (!check) writeFileSync(FILE, text);
  else if (readFileSync(FILE, "utf8") !== text) {
    process.stderr.write(`${FILE}: out of date; run npx sucrase-node provider/package-schema.ts\n`);
    process.exitCode = 1;
  }
}
