import { schemaOwner, tierOwner } from "../jobs";
import { checkedObjectName, parseObjectName, WRITE_OBJECT_NAME } from "../object-name";
import type { DatabaseConfig } from "../databases";
import type { TieredTableConfig } from "../tiers";
import { inheritedRoles, needsSchema, SUPERUSER, type Report, type Rule } from "./rule";

/** Maximum bytes of a set's name: names derived from it have up to 32 more. */
const LONGEST_NAME = 31;

/** Column of a set's write-ahead table that identifies the table of a row. */
const NUMBER_COLUMN = "wa_number";

/** Suffixes that a set's tables add to its name. */
const SUFFIXES = [
  "",
  "_wa",
  "_wa_partition",
  "_partition",
  "_spill",
  "_analyze_queue",
  "_sort_queue",
  "_tables",
  "_runs",
];

/** Names of all relations of a set, including the table that keeps its rows after `onRemove: keep`. */
function relationsOf(name: string): string[] {
  return [...SUFFIXES, "_rest"].map((suffix) => name + suffix);
}

/** Reports what is wrong with a set, independent of other keys. */
function checkSet(name: string, config: TieredTableConfig, report: Report): void {
  const { columns, id, time, sortKey, indexes, minuteOffset, walMinutes } = config;
  const bytes = Buffer.byteLength(name);
  if (bytes > LONGEST_NAME)
    report(
      "",
      `"${name}" has ${bytes} bytes, and names of tables are derived from it; use at most ${LONGEST_NAME} bytes`,
    );

  const names = columns.map((column) => column.name);
  names.forEach((column, i) => {
    if (names.indexOf(column) < i || column === NUMBER_COLUMN)
      report(`.columns[${i}].name`, `"${column}": there is a column of this name already`);
  });
  const typeOf = (at: string, column: string) => {
    const type = columns.find((each) => each.name === column)?.type;
    if (type === undefined) report(at, `"${column}": no such column; there are ${names.join(", ")}`);
    return type;
  };
  typeOf(".id", id);
  const timeType = typeOf(".time", time);
  if (timeType !== undefined && !/^(pg_catalog\.)?(timestamptz|timestamp with time zone)$/i.test(timeType.trim()))
    report(".time", `"${time}" is of type ${timeType}; it must be of type timestamptz`);
  if (id === time) report(".time", `"${time}" is also the id; use different columns for id and time`);
  if (sortKey.geometry !== undefined) {
    const type = typeOf(".sortKey.geometry", sortKey.geometry);
    if (type !== undefined && !isGeometry(type))
      report(".sortKey.geometry", `"${sortKey.geometry}" is of type ${type}; it must be of type geometry`);
  }
  sortKey.columns?.forEach((column, i) => {
    typeOf(`.sortKey.columns[${i}]`, column);
    if (sortKey.columns?.indexOf(column) !== i)
      report(`.sortKey.columns[${i}]`, `"${column}" is listed twice; remove one`);
  });
  indexes.forEach((column, i) => {
    typeOf(`.indexes[${i}]`, column);
    if (indexes.indexOf(column) < i) report(`.indexes[${i}]`, `"${column}" is listed twice; remove one`);
  });
  if (minuteOffset !== undefined && minuteOffset > walMinutes - 2)
    report(
      ".minuteOffset",
      `${minuteOffset} is not below ${walMinutes - 1}, the minute in which the writes switch to a new table`,
    );
}

/** True for PostGIS' type geometry, with or without schema and modifier. */
function isGeometry(type: string): boolean {
  return /(^|\.)"?geometry"?\s*(\(|$)/i.test(type.trim());
}

/** True for the types of the extension postgis. */
function isSpatial(type: string): boolean {
  return isGeometry(type) || /(^|\.)"?geography"?\s*(\(|$)/i.test(type.trim());
}

/** Tiered tables of a database, against each other and against the database's other keys. */
export const checkTiers: Rule = (stack, report) => {
  const hasPrivilegesOf = (role: string, other: string) =>
    role === other || role === SUPERUSER || inheritedRoles(role, stack).includes(other);
  for (const [name, database] of Object.entries(stack.databases)) {
    for (const table of Object.keys(database.tiers)) {
      const parsed = parseObjectName(table);
      if (parsed) needsSchema(stack, report, `databases.${name}.tiers["${table}"]`, name, parsed.schema);
    }
    checkTables(database, hasPrivilegesOf, (at, text) => report(`databases.${name}.${at}`, text));
  }
};

function checkTables(
  database: DatabaseConfig,
  hasPrivilegesOf: (role: string, other: string) => boolean,
  report: Report,
): void {
  const takenBy = new Map(
    Object.keys(database.partitions?.sets ?? {}).map((table) => {
      const { schema, name } = checkedObjectName(table);
      return [JSON.stringify([schema, name]), `partitions.sets["${table}"]`];
    }),
  );
  for (const [table, config] of Object.entries(database.tiers)) {
    const at = `tiers["${table}"]`;
    const parsed = parseObjectName(table);
    if (!parsed) {
      report(at, WRITE_OBJECT_NAME);
      continue;
    }
    const { schema, name } = parsed;
    checkSet(name, config, (below, text) => report(`${at}${below}`, text));

    const taken = relationsOf(name).map((relation) => JSON.stringify([schema, relation]));
    const others = new Set(taken.flatMap((relation) => takenBy.get(relation) ?? []));
    for (const other of others)
      report(at, `its tables would have the same names as those of ${other}; choose another name`);
    for (const relation of taken) takenBy.set(relation, at);

    const owner = tierOwner(database, table);
    const needs = (of: string, whose: string, what: string) => {
      if (hasPrivilegesOf(owner, whose)) return;
      report(
        `${at}.owner`,
        `"${owner}" may not ${what} ${of}, which "${whose}" owns; give "${owner}" memberOf: [${whose}]`,
      );
    };
    needs(`schema ${schema}`, schemaOwner(database, schema), "create tables in");
    config.columns.forEach(({ name: column, type }, i) => {
      if (!isSpatial(type)) return;
      const postgis = database.extensions.postgis;
      if (!postgis) {
        report(
          `${at}.columns[${i}].type`,
          `"${column}" is of type ${type}, which needs the extension postgis; add it to extensions`,
        );
      } else if (postgis.schema !== undefined && postgis.schema !== "public") {
        needs(`types of schema ${postgis.schema}`, schemaOwner(database, postgis.schema), "use");
      }
    });
  }
}
