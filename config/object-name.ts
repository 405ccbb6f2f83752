/** Name of an object in a schema; `args` are the argument types of a function, as somebody wrote them. */
export interface ObjectName {
  schema: string;
  name: string;
  args?: string;
}

const QUOTED = /^"((?:[^"]|"")+)"/;

/**
 * Reads `schema.name`. Names are taken as they are written, upper case too; the schema ends at the first dot. A name that
 * this would tear apart is put into double quotes, as in SQL: `"my.schema".name`. Undefined: not such a name.
 */
export function parseObjectName(text: string): ObjectName | undefined {
  const first = part(text, /^[^".]+/);
  if (!first || text[first.length] !== ".") return undefined;
  const rest = text.slice(first.length + 1);
  const second = rest.startsWith('"') ? part(rest, QUOTED) : { name: rest, length: rest.length };
  return second && second.length === rest.length && rest !== "" ? { schema: first.name, name: second.name } : undefined;
}

/** Reads `schema.name(argument types)`. */
export function parseFunctionName(text: string): Required<ObjectName> | undefined {
  const first = part(text, /^[^".]+/);
  if (!first || text[first.length] !== ".") return undefined;
  const rest = text.slice(first.length + 1);
  const second = part(rest, /^[^"(]+/);
  const args = rest.slice(second?.length ?? 0);
  if (!second || !/^\(.*\)$/s.test(args)) return undefined;
  return { schema: first.name, name: second.name, args: args.slice(1, -1).trim() };
}

function part(text: string, plain: RegExp): { name: string; length: number } | undefined {
  const quoted = QUOTED.exec(text);
  if (quoted?.[1]) return { name: quoted[1].replaceAll('""', '"'), length: quoted[0].length };
  const match = plain.exec(text);
  return match ? { name: match[0], length: match[0].length } : undefined;
}

const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;

/** Writes a schema with the dot behind it: quotes only where they are needed. */
export function writeSchema(schema: string): string {
  return `${/[".]/.test(schema) ? quote(schema) : schema}.`;
}

/** Writes what parseObjectName reads: quotes only where they are needed. */
export function writeObjectName({ schema, name }: ObjectName): string {
  return `${writeSchema(schema)}${name.startsWith('"') ? quote(name) : name}`;
}

/** What an error says of a text that is no such name. */
export const WRITE_OBJECT_NAME = 'write schema.name; "a.b".name for a schema a.b';

/** Writes name and argument types of a function as parseFunctionName reads them. */
export function writeSignature({ name, args }: { name: string; args: string }): string {
  return `${/[("]/.test(name) ? quote(name) : name}(${args})`;
}

/** Words that PostgreSQL takes for something else where a name begins. */
const RESERVED = new Set(
  (
    "all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column concurrently " +
    "constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user default " +
    "deferrable desc distinct do else end except false fetch for foreign freeze from full grant group having ilike in initially inner " +
    "intersect into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order " +
    "outer overlaps placing primary references returning right select session_user similar some symmetric system_user table tablesample then " +
    "to trailing true union unique user using variadic verbose when where window with"
  ).split(" "),
);

/** A name as SQL takes it: in quotes where it needs them. */
export function quoteIdentifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name) ? name : quote(name);
}

/** Schema and name as SQL takes them. */
export function quoteObjectName({ schema, name }: ObjectName): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}
