import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { stringify } from "yaml";
import { describeShape, shapeOf, type Shape } from "./allowed";
import { s3KeysSchema } from "./s3";
import { passwordsSchema, secretsSchema, stackSchema } from "./stack";

/** Text before the table of a section, in addition to its description. */
const NOTES: Record<string, string> = {
  "pgwright:image":
    "Without any of these keys an image with PostgreSQL 17, pgvector, pg_cron, pg_partman, pgaudit and pgBackRest is built on the " +
    "engine, once for each content. `name` cannot be combined with `base` or `packages`.",
  "pgwright:server":
    "The values of postgresql.conf are computed from `memory`, `cpus`, `storage`, `workload`, `connections` and `databaseSize`; the file " +
    "contains each with its reason. `settings` overrides them. Names, types, ranges and units are checked against the " +
    "parameters of the image before anything changes.",
  "pgwright:roles.<name>":
    "`postgres`, `public`, `none` and names that begin with `pg_` belong to PostgreSQL, those that begin with `pgwright_run_` to pgwright; in `memberOf` its own roles (`pg_monitor`) " +
    "are allowed.",
  "pgwright:databases.<name>.grants.<role>":
    "Privileges are compared with the catalog: missing ones are granted, undeclared ones are revoked (or reported, see " +
    "`undeclared`). ALL is not allowed: a preview lists each privilege.",
  "pgwright:databases.<name>.tiers.<name>":
    "A column has `name`, `type`, `notNull` (default false) and `default`, an expression. [Tiered tables](tiers.md) describes what a set does, and " +
    "what a change of it does.",
  "pgwright:databases.<name>.jobs.<name>":
    "A job runs in its database as its role. pg_cron runs in UTC. Schedules are checked before anything changes.",
};

/** Placeholders for the names of a record, in a path. */
const NAMES: Record<string, string> = {
  grants: "<role>",
  "grants.schemas": "<schema>",
  backupS3: "<bucket>",
  restoreS3: "<bucket>",
};

function code(text: string): string {
  return `\`${text.replaceAll("|", "\\|")}\``;
}

function yaml(value: unknown): string {
  return stringify(value, {
    collectionStyle: "flow",
    lineWidth: 0,
    flowCollectionPadding: false,
    version: "1.1",
  }).trim();
}

function isPart(shape: Shape): boolean {
  return shape.properties !== undefined;
}

/** The map whose keys get a separate table: the shape itself, the values of a record, or the items of a list that contain maps. */
function partOf(shape: Shape): { part: Shape; of: "itself" | "names" | "list" } | undefined {
  if (isPart(shape)) return { part: shape, of: "itself" };
  const { items, additionalProperties: held } = shape;
  if (Object.values(items?.properties ?? {}).some(isPart)) return { part: items as Shape, of: "list" };
  return typeof held === "object" && isPart(held) ? { part: held, of: "names" } : undefined;
}

function row(name: string, shape: Shape, required: boolean): string {
  const [example] = shape.examples ?? [];
  const fallback = required
    ? "required"
    : shape.default === undefined || partOf(shape)
      ? ""
      : code(yaml(shape.default));
  const cells = [
    code(name),
    shape.description ?? "",
    partOf(shape) ? "see below" : describeShape(shape),
    fallback,
    code(`${name}: ${yaml(example)}`),
  ];
  return `| ${cells.join(" | ")} |`;
}

function sections(path: string, shape: Shape, depth: number): string[] {
  const found = partOf(shape);
  if (!found) return [];
  const last = path.split(/[.:]/).slice(-1)[0] ?? "";
  const inside = path.includes("grants") && last === "schemas" ? "grants.schemas" : last;
  const at = { itself: path, names: `${path}.${NAMES[inside] ?? "<name>"}`, list: `${path}[]` }[found.of];
  const entries = Object.entries(found.part.properties ?? {});
  return [
    `${"#".repeat(Math.min(depth, 4))} ${at.replaceAll("<", "\\<")}`,
    shape.description ?? "",
    NOTES[at] ?? "",
    [
      "| key | meaning | allowed | default | example |",
      "| --- | --- | --- | --- | --- |",
      ...entries.map(([name, each]) => row(name, each, found.part.required?.includes(name) ?? false)),
    ].join("\n"),
    ...entries.flatMap(([name, each]) => sections(`${at}.${name}`, each, depth + 1)),
  ].filter((each) => each !== "");
}

/** docs/stack-file.md: every key of the stack file. */
export async function reference(): Promise<string> {
  const { properties = {} } = shapeOf(stackSchema);
  const top = {
    ...properties,
    passwords: { ...shapeOf(passwordsSchema), default: {} },
    ...Object.fromEntries(
      Object.entries({ ...secretsSchema.shape, ...s3KeysSchema.shape }).map(([name, schema]) => [
        name,
        { ...shapeOf(schema), default: "none" },
      ]),
    ),
  };
  const text = [
    "<!-- Generated from config/stack.ts by `npx sucrase-node config/json-schema.ts`; change it there. -->",
    "# The stack file",
    "`Pulumi.<stack>.yaml` declares a server completely. Its keys are below `config:`, each with the prefix `pgwright:`. An unknown key, " +
      "a value that is not allowed, or a contradiction makes the preview fail before anything changes. The error lists all problems, " +
      "each with the key, the value and what is allowed.",
    "Editors with `yaml-language-server` complete and check the file if it begins with this line:",
    "```yaml\n# yaml-language-server: $schema=./config/stack.schema.json\n```",
    "YAML reads some strings as other types. Put a string in quotes if it looks like a number, a date or null: versions of extensions, " +
      "`target`, `validUntil`, a role named `null`.",
    "## All keys",
    [
      "| key | meaning | allowed | default | example |",
      "| --- | --- | --- | --- | --- |",
      ...Object.entries(top).map(([name, shape]) => row(`pgwright:${name}`, shape, false)),
    ].join("\n"),
    "A size is a whole number and MB, GB or TB (powers of 1024, as in PostgreSQL); a duration is a whole number and ms, s, min, h or d.",
    ...Object.entries(top).flatMap(([name, shape]) => sections(`pgwright:${name}`, shape, 2)),
    "## pgwright:passwords",
    "For a role with `login: true` and without a password here, pgwright generates one; the output `rolePasswords` has both. The " +
      "superuser is `postgres`. Passwords in plain text are refused: let Pulumi encrypt them.",
    "```sh\nnpm run pulumi -- config set --secret --path 'pgwright:passwords.app'\n```",
  ].join("\n\n");
  const file = join(__dirname, "..", "docs", "stack-file.md");
  return format(text, { ...(await resolveConfig(file)), parser: "markdown" });
}
