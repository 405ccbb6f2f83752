/** Name of an object in a schema; `args` are the argument types of a function, as written in the stack file. */
export interface ObjectName {
  schema: string;
  name: string;
  args?: string;
}

const QUOTED = /^"((?:[^"]|"")+)"/;

/**
 * Parses `schema.name`; undefined if `text` has another form. Case is kept, and the schema ends at the first dot. A schema with a
 * dot in its name is written in double quotes, as in SQL: `"my.schema".name`.
 */
export function parseObjectName(text: string): ObjectName | undefined {
  const first = part(text, /^[^".]+/);
  if (!first || text[first.length] !== ".") return undefined;
  const rest = text.slice(first.length + 1);
  const second = rest.startsWith('"') ? part(rest, QUOTED) : { name: rest, length: rest.length };
  return second && second.length === rest.length && rest !== "" ? { schema: first.name, name: second.name } : undefined;
}

/** Parses `schema.name(argument types)`; undefined if `text` has another form. */
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

/** The name of an object that the rules of the stack file have checked. */
export const checkedObjectName = (text: string): ObjectName => parseObjectName(text) ?? { schema: "", name: text };

const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;

/** A schema with a dot behind it, in quotes only where parseObjectName needs them. */
export function writeSchema(schema: string): string {
  return `${/[".]/.test(schema) ? quote(schema) : schema}.`;
}

/** The inverse of parseObjectName, in quotes only where it needs them. */
export function writeObjectName({ schema, name }: ObjectName): string {
  return `${writeSchema(schema)}${name.startsWith('"') ? quote(name) : name}`;
}

export const WRITE_OBJECT_NAME = 'write schema.name; "a.b".name for a schema a.b';

/** Name and argument types of a function, as parseFunctionName parses them. */
export function writeSignature({ name, args }: { name: string; args: string }): string {
  return `${/[("]/.test(name) ? quote(name) : name}(${args})`;
}

/** Key words of PostgreSQL that are names only in quotes. */
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

/** An identifier for to_regclass and the like, which know no key words; in quotes only where it needs them. */
export const quoteWord = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : quote(name));

/** An SQL identifier, in quotes only where it needs them. */
export const quoteIdentifier = (name: string): string => (RESERVED.has(name) ? quote(name) : quoteWord(name));

/** A schema-qualified SQL identifier. */
export function quoteObjectName({ schema, name }: ObjectName): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}
