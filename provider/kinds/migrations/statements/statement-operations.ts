import type { Node } from "../../../sql-file";
import {
  columnIn,
  commandsOf,
  equalIn,
  joined,
  nameOf,
  node,
  nodesIn,
  notNullIn,
  textsOf,
  typeText,
  type ColumnDef,
  type Command,
  type Constraint,
  type Relation,
  type StringNode,
} from "./tree";
import type { Recipe } from "./recipes";

// Pure: the operations of a statement on tables, from its parse tree. Their cost depends on the catalog too (cost.ts).
// The rules are those of the manual of PostgreSQL 17: Explicit Locking, and the notes of ALTER TABLE.

export type Mode = "ACCESS EXCLUSIVE" | "SHARE ROW EXCLUSIVE" | "SHARE";

/** Work under a lock. */
export type Work = (
  | { does: "rewrite" | "scan" | "index" | "fill" | "may scan" }
  | { does: "add"; type?: string; functions: string[][]; filled: boolean }
  | { does: "retype"; column: string; type?: string; plain: boolean }
  | { does: "not null"; column: string }
  | { does: "move"; tablespace: string }
  | { does: "method"; method: string }
  | { does: "log"; logged: boolean }
  | { does: "attach" }
) & {
  /** An alternative without a long lock. */
  instead?: Recipe;
};

/** An operation on a table; names are quoted as in SQL. */
export type StatementOperation =
  | { kind: "lock"; on: string; mode: Mode; work: Work[] }
  | { kind: "drop"; on: string }
  | { kind: "drop schema"; schema: string }
  | { kind: "drop column"; on: string; column: string }
  | { kind: "truncate"; on: string; cascade: boolean }
  | { kind: "delete"; on: string }
  /** Changes rows in one statement; `equal`: columns that the condition compares with a constant. */
  | { kind: "write"; on: string; verb: "UPDATE" | "DELETE"; equal: string[] }
  /** Changes rows in batches. */
  | { kind: "backfill"; on: string; verb: "UPDATE" | "DELETE" }
  | { kind: "create"; on: string; ifNotExists: boolean }
  | { kind: "rename"; on: string; to: string }
  | { kind: "check"; on: string; name?: string; notNull: string[]; valid: boolean }
  | { kind: "validate"; on: string; name: string }
  /** PostgreSQL scans the DEFAULT partition for rows of the new partition. */
  | { kind: "remainder"; on: string };

const lock = (on: Relation, mode: Mode, work: Work[] = []): StatementOperation => ({
  kind: "lock",
  on: nameOf(on),
  mode,
  work,
});

const write = (verb: "UPDATE" | "DELETE", on: Relation, where?: Node): StatementOperation => ({
  kind: "write",
  on: nameOf(on),
  verb,
  equal: equalIn(where),
});

interface Options {
  options?: { DefElem: { defname: string } }[];
  params?: { DefElem: { defname: string } }[];
}
const has = ({ options = [], params = [] }: Options, name: string) =>
  [...options, ...params].some(({ DefElem }) => DefElem.defname === name);

/** The operations of each kind of statement, by the type of its node. */
const STATEMENTS: Record<string, ((stmt: never, tree: Node) => StatementOperation[]) | undefined> = {
  AlterTableStmt: ({ relation, objtype }: { relation: Relation; objtype: string }, tree) =>
    ["OBJECT_TABLE", "OBJECT_MATVIEW"].includes(objtype) ? alterTable(relation, commandsOf(tree)) : [],
  RenameStmt({ relation, renameType, newname }: { relation?: Relation; renameType: string; newname: string }) {
    if (!relation || !/TABLE|MATVIEW|COLUMN|TABCONSTRAINT/.test(renameType)) return [];
    const to = nameOf({ ...relation, relname: newname });
    const renamed = /OBJECT_(TABLE|MATVIEW)$/.test(renameType);
    return [
      lock(relation, "ACCESS EXCLUSIVE"),
      ...(renamed ? [{ kind: "rename", on: nameOf(relation), to } as const] : []),
    ];
  },
  AlterObjectSchemaStmt({
    relation,
    objectType,
    newschema,
  }: {
    relation?: Relation;
    objectType: string;
    newschema: string;
  }) {
    if (!relation || !/OBJECT_(TABLE|MATVIEW)$/.test(objectType)) return [];
    const to = nameOf({ schemaname: newschema, relname: relation.relname });
    return [lock(relation, "ACCESS EXCLUSIVE"), { kind: "rename", on: nameOf(relation), to }];
  },
  IndexStmt: ({ relation, concurrent }: { relation: Relation; concurrent?: boolean }) =>
    concurrent ? [] : [lock(relation, "SHARE", [{ does: "index", instead: "index" }])],
  CreateTrigStmt: ({ relation }: { relation: Relation }) => [lock(relation, "SHARE ROW EXCLUSIVE")],
  TruncateStmt: ({ relations, behavior }: { relations: { RangeVar: Relation }[]; behavior: string }) =>
    relations.flatMap(({ RangeVar }): StatementOperation[] => [
      lock(RangeVar, "ACCESS EXCLUSIVE"),
      { kind: "truncate", on: nameOf(RangeVar), cascade: behavior === "DROP_CASCADE" },
    ]),
  DeleteStmt: ({ relation, whereClause }: { relation: Relation; whereClause?: Node }) =>
    whereClause ? [write("DELETE", relation, whereClause)] : [{ kind: "delete", on: nameOf(relation) }],
  UpdateStmt: ({ relation, whereClause }: { relation: Relation; whereClause?: Node }) => [
    write("UPDATE", relation, whereClause),
  ],
  DropStmt: drop,
  CreateStmt: createTable,
  CreateTableAsStmt: ({ into, if_not_exists }: { into: { rel: Relation }; if_not_exists?: boolean }) => [
    { kind: "create", on: nameOf(into.rel), ifNotExists: if_not_exists ?? false },
  ],
  SelectStmt: ({ intoClause }: { intoClause?: { rel: Relation } }) =>
    intoClause ? [{ kind: "create", on: nameOf(intoClause.rel), ifNotExists: false }] : [],
  RefreshMatViewStmt: ({ relation, concurrent }: { relation: Relation; concurrent?: boolean }) =>
    concurrent ? [] : [lock(relation, "ACCESS EXCLUSIVE", [{ does: "fill", instead: "refresh" }])],
  ClusterStmt: ({ relation }: { relation?: Relation }) =>
    relation ? [lock(relation, "ACCESS EXCLUSIVE", [{ does: "rewrite" }])] : [],
  VacuumStmt: ({ rels = [], ...options }: Options & { rels?: { VacuumRelation: { relation: Relation } }[] }) =>
    has(options, "full")
      ? rels.map(({ VacuumRelation: { relation } }) => lock(relation, "ACCESS EXCLUSIVE", [{ does: "rewrite" }]))
      : [],
  // Queries lock each index of their tables, so they wait for the index that is rebuilt.
  ReindexStmt: ({ relation, ...options }: Options & { relation?: Relation }) =>
    relation && !has(options, "concurrently")
      ? [lock(relation, "ACCESS EXCLUSIVE", [{ does: "index", instead: "reindex" }])]
      : [],
  LockStmt: ({ relations, mode }: { relations: { RangeVar: Relation }[]; mode: number }) => {
    const lockMode = (
      { 5: "SHARE", 6: "SHARE ROW EXCLUSIVE", 7: "SHARE ROW EXCLUSIVE", 8: "ACCESS EXCLUSIVE" } as const
    )[mode];
    return lockMode ? relations.map(({ RangeVar }) => lock(RangeVar, lockMode)) : [];
  },
};

/** The operations of a statement on tables. */
export function statementOperations(tree: Node): StatementOperation[] {
  return Object.entries(tree).flatMap(([type, stmt]) => STATEMENTS[type]?.(stmt as never, tree) ?? []);
}

// All other statements create, alter or drop an object; their operations determine the duration.
const RUNS =
  /^(Insert|Update|Delete|Merge|Select|Copy|Do|Call|Execute|Explain|CreateTableAs|RefreshMatView|Vacuum)Stmt$/;

/** Whether a statement reads or writes rows of any table. */
export const runsOn = (tree: Node): boolean => Object.keys(tree).some((type) => RUNS.test(type));

interface Drop {
  objects: (Partial<StringNode> & { List?: { items: StringNode[] } })[];
  removeType: string;
  behavior: string;
  concurrent?: boolean;
}

function drop({ objects, removeType, behavior, concurrent }: Drop): StatementOperation[] {
  const names = objects.map(({ List }) => joined(textsOf(List?.items)));
  if (removeType === "OBJECT_SCHEMA" && behavior === "DROP_CASCADE")
    return objects.flatMap(({ String: name }) => (name ? [{ kind: "drop schema", schema: name.sval }] : []));
  if (/OBJECT_(TABLE|MATVIEW)$/.test(removeType)) return names.map((on) => ({ kind: "drop", on }));
  if (removeType === "OBJECT_INDEX" && !concurrent)
    return names.map((on) => ({ kind: "lock", on, mode: "ACCESS EXCLUSIVE", work: [] }));
  return [];
}

interface Create {
  relation: Relation;
  inhRelations?: { RangeVar: Relation }[];
  partbound?: unknown;
  if_not_exists?: boolean;
}

function createTable({
  relation,
  inhRelations = [],
  partbound,
  if_not_exists = false,
  ...rest
}: Create): StatementOperation[] {
  const referred = nodesIn<Relation>(rest, "pktable");
  return [
    { kind: "create", on: nameOf(relation), ifNotExists: if_not_exists },
    ...referred.map((table) => lock(table, "SHARE ROW EXCLUSIVE")),
    ...(partbound ? inhRelations : []).flatMap(({ RangeVar }): StatementOperation[] => [
      lock(RangeVar, "ACCESS EXCLUSIVE"),
      { kind: "remainder", on: nameOf(RangeVar) },
    ]),
  ];
}

/** Lock modes of actions of ALTER TABLE below ACCESS EXCLUSIVE; undefined: reads and writes do not wait. */
const WEAKER_MODES: Record<string, Mode | undefined> = {
  AT_ValidateConstraint: undefined,
  AT_SetStatistics: undefined,
  AT_SetOptions: undefined,
  AT_ResetOptions: undefined,
  AT_SetRelOptions: undefined,
  AT_ResetRelOptions: undefined,
  AT_AttachPartition: undefined,
  AT_DetachPartitionFinalize: undefined,
  AT_ClusterOn: undefined,
  AT_DropCluster: undefined,
  AT_EnableTrig: "SHARE ROW EXCLUSIVE",
  AT_EnableAlwaysTrig: "SHARE ROW EXCLUSIVE",
  AT_EnableReplicaTrig: "SHARE ROW EXCLUSIVE",
  AT_EnableTrigAll: "SHARE ROW EXCLUSIVE",
  AT_EnableTrigUser: "SHARE ROW EXCLUSIVE",
  AT_DisableTrig: "SHARE ROW EXCLUSIVE",
  AT_DisableTrigAll: "SHARE ROW EXCLUSIVE",
  AT_DisableTrigUser: "SHARE ROW EXCLUSIVE",
};

function modeOf({ subtype, def }: Command): Mode | undefined {
  if (subtype === "AT_DetachPartition" && def?.PartitionCmd?.concurrent) return undefined;
  if (subtype === "AT_AddConstraint" && def?.Constraint?.contype === "CONSTR_FOREIGN") return "SHARE ROW EXCLUSIVE";
  return subtype in WEAKER_MODES ? WEAKER_MODES[subtype] : "ACCESS EXCLUSIVE";
}

function alterTable(relation: Relation, commands: Command[]): StatementOperation[] {
  const on = nameOf(relation);
  const modes = commands.map(modeOf);
  const mode = (["ACCESS EXCLUSIVE", "SHARE ROW EXCLUSIVE"] as const).find((each) => modes.includes(each));
  return [
    ...(mode ? [lock(relation, mode, commands.flatMap(workOf))] : []),
    ...commands.flatMap((command) => otherOperations(on, command)),
  ];
}

/** The operations of a command other than the lock on its own table. */
function otherOperations(on: string, { subtype, name = "", def }: Command): StatementOperation[] {
  const others = nodesIn<Relation>(def, "pktable").map((table) => lock(table, "SHARE ROW EXCLUSIVE"));
  if (subtype === "AT_DropColumn") return [{ kind: "drop column", on, column: name }];
  if (subtype === "AT_ValidateConstraint") return [{ kind: "validate", on, name }];
  const { Constraint: constraint, PartitionCmd: partition } = def ?? {};
  if (partition && subtype === "AT_AttachPartition")
    return [
      lock(partition.name, "ACCESS EXCLUSIVE", [{ does: "attach", instead: "attach" }]),
      { kind: "remainder", on },
    ];
  if (partition && !partition.concurrent) return [lock(partition.name, "ACCESS EXCLUSIVE")];
  if (constraint?.contype !== "CONSTR_CHECK") return others;
  const notNull = notNullIn(constraint.raw_expr);
  return [{ kind: "check", on, name: constraint.conname, notNull, valid: !constraint.skip_validation }];
}

function workOf({ subtype, name = "", def }: Command): Work[] {
  if (subtype === "AT_AddColumn" && def?.ColumnDef) return addColumn(def.ColumnDef);
  if (subtype === "AT_AddConstraint" && def?.Constraint) return addConstraint(def.Constraint);
  if (subtype === "AT_AlterColumnType" && def?.ColumnDef) return [retype(name, def.ColumnDef)];
  if (subtype === "AT_SetNotNull") return [{ does: "not null", column: name, instead: "not null" }];
  if (subtype === "AT_SetTableSpace") return [{ does: "move", tablespace: name }];
  if (subtype === "AT_SetLogged" || subtype === "AT_SetUnLogged")
    return [{ does: "log", logged: subtype === "AT_SetLogged" }];
  return subtype === "AT_SetAccessMethod" ? [{ does: "method", method: name }] : [];
}

const SERIAL = /^(small|big)?serial$|^serial[248]$/;

function addColumn({ typeName, constraints = [] }: ColumnDef): Work[] {
  const all = constraints.map(({ Constraint: constraint }) => constraint);
  const of = (type: string) => all.find(({ contype }) => contype === type);
  const written = of("CONSTR_DEFAULT")?.raw_expr;
  const isNull = node<{ isnull?: boolean }>(written ?? {}, "A_Const")?.isnull;
  const filled = written !== undefined && !isNull;
  const generated =
    of("CONSTR_IDENTITY") ?? of("CONSTR_GENERATED") ?? SERIAL.test(textsOf(typeName?.names).at(-1) ?? "");
  const functions = nodesIn<{ funcname: StringNode[] }>(written, "FuncCall").map(({ funcname }) => textsOf(funcname));
  const column: Work = generated
    ? { does: "rewrite" }
    : { does: "add", type: typeName && typeText(typeName), functions, filled, ...(filled && { instead: "default" }) };
  // If all rows have null, the foreign key is not checked.
  const checked = all.filter(({ contype }) => contype !== "CONSTR_FOREIGN" || filled);
  const empty = of("CONSTR_NOTNULL") && !generated && !filled;
  return [column, ...(empty ? [{ does: "scan" } as const] : []), ...checked.flatMap(addConstraint)];
}

function addConstraint({ contype, indexname, skip_validation }: Constraint): Work[] {
  if (["CONSTR_CHECK", "CONSTR_FOREIGN"].includes(contype))
    return skip_validation ? [] : [{ does: "scan", instead: contype === "CONSTR_CHECK" ? "check" : "foreign key" }];
  if (!["CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION"].includes(contype)) return [];
  if (indexname === undefined) return [{ does: "index", ...(contype !== "CONSTR_EXCLUSION" && { instead: "unique" }) }];
  // The columns of the index have to be NOT NULL, which may need a scan.
  return contype === "CONSTR_PRIMARY" ? [{ does: "may scan", instead: "primary key" }] : [];
}

function retype(column: string, { typeName, raw_default: using }: ColumnDef): Work {
  const type = typeName && typeText(typeName);
  const cast = node<{ arg: Node; typeName: NonNullable<typeof typeName> }>(using ?? {}, "TypeCast");
  const plain =
    using === undefined ||
    columnIn(using) === column ||
    (cast !== undefined && columnIn(cast.arg) === column && typeText(cast.typeName) === type);
  return { does: "retype", column, type, plain, instead: "type" };
}
