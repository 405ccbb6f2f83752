import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { readSql } from "../../../sql/read";
import type { Kind, Operation } from "../../kind";
import { ask, withDatabase } from "../../session";
import { compare, type Comparison, type Description, type Grant } from "./privileges";

export interface AccessInputs {
  database: string;
  /** Owner of the database: gets what a removed role has owned. */
  owner: string;
  /** Schemas that are managed. */
  schemas: string[];
  /** Roles whose objects to come get the privileges too. */
  creators: string[];
  /** All roles that the stack declares. One that disappears loses its privileges and possessions here. */
  roles: string[];
  undeclared: "revoke" | "report";
  /** By who and what, in words (see Description). */
  privileges: Description;
  /** The same, for the machine. */
  grants: Grant[];
}

export type AccessState = AccessInputs;

/** One lock for all that change privileges of a database, so that no two do at once. */
const LOCK = "SELECT pg_advisory_xact_lock(hashtext('pgwright'), hashtext('access'))";
/** A revoke with its dependents can take away a declared privilege; then another pass gives it back. */
const PASSES = 3;

/** Argument types as the catalog writes them: `f(timestamptz)` is `f(timestamp with time zone)` there. */
async function resolved(client: Client, grants: Grant[]): Promise<Grant[]> {
  return Promise.all(
    grants.map(async (grant) => {
      const { on } = grant;
      if ("all" in on || on.kind !== "function") return grant;
      const { rows } = await client.query(
        `SELECT proname || '(' || oidvectortypes(proargtypes) || ')' AS name
         FROM pg_proc WHERE oid = to_regprocedure($1)`,
        [`${quoted(on.schema)}.${on.name}`],
      );
      return rows[0] ? { ...grant, on: { ...on, name: rows[0].name as string } } : grant;
    }),
  );
}

async function look(client: Client, inputs: AccessInputs): Promise<Comparison> {
  const { rows: privileges } = await client.query(readSql("catalog/privileges.sql"), [inputs.schemas]);
  const { rows: defaults } = await client.query(readSql("catalog/default-privileges.sql"), [inputs.creators]);
  const inScope = defaults.filter(({ schema }) => schema === "" || inputs.schemas.includes(schema));
  const grants = await resolved(client, inputs.grants);
  const comparison = compare({ privileges, defaults: inScope }, { grants, creators: inputs.creators });
  return { ...comparison, description: renamed(comparison.description, inputs.grants, grants) };
}

// Functions are shown as the stack file writes them.
function renamed(description: Description, written: Grant[], found: Grant[]): Description {
  const names = new Map<string, string>();
  found.forEach(({ on, role }, i) => {
    const original = written[i]?.on;
    if (original && !("all" in on) && !("all" in original)) {
      names.set(`${role}: ${on.kind} ${on.schema}.${on.name}`, `${role}: ${original.kind} ${original.schema}.${original.name}`);
    }
  });
  return Object.fromEntries(Object.entries(description).map(([words, list]) => [names.get(words) ?? words, list]));
}

/** Takes from a role that is no longer declared what it has in this database, so that it can be dropped. */
async function retire(client: Client, role: string, heir: string): Promise<void> {
  const { rows } = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [role]);
  if (rows.length === 0) return;
  await client.query(`REASSIGN OWNED BY ${quoted(role)} TO ${quoted(heir)}`);
  await client.query(`DROP OWNED BY ${quoted(role)}`);
}

/**
 * Brings the privileges to what is wanted, in one transaction. Returns what nobody declared and is left as it is.
 * `whatIsThere`: objects that a grant names may be missing, since migrations are about to make them.
 */
export async function reconcile(client: Client, inputs: AccessInputs, retired: string[], whatIsThere = false): Promise<string[]> {
  await client.query("BEGIN");
  await client.query(LOCK);
  for (const role of retired) await retire(client, role, inputs.owner);
  let comparison = await look(client, inputs);
  if (comparison.unknown.length > 0 && !whatIsThere) {
    throw new Error(`database ${inputs.database} has no ${comparison.unknown.join(", no ")}; a grant in the stack file names it`);
  }
  const statements = () => [...(inputs.undeclared === "revoke" ? comparison.revoke : []), ...comparison.grant];
  for (let pass = 0; pass < PASSES && statements().length > 0; pass += 1) {
    for (const statement of statements()) await client.query(statement);
    comparison = await look(client, inputs);
  }
  if (statements().length > 0) {
    throw new Error(`privileges of database ${inputs.database} do not settle: ${statements().join("; ")}`);
  }
  await client.query("COMMIT");
  return comparison.undeclared;
}

async function apply(inputs: AccessInputs, retired: string[], { host, warn }: Operation): Promise<AccessState> {
  const left = await withDatabase(host, inputs.database, (client) => reconcile(client, inputs, retired));
  for (const each of left) warn(`not declared, left as it is: ${each}`);
  return inputs;
}

async function explain(old: AccessState | undefined, inputs: AccessInputs, { host, info, preview }: Operation): Promise<void> {
  if (!old || !preview) return;
  const retired = old.roles.filter((role) => !inputs.roles.includes(role));
  if (retired.length === 0) return;
  await withDatabase(host, inputs.database, async (client) => {
    const { rows } = await client.query(readSql("catalog/owned-objects.sql"), [retired]);
    for (const { role, objects } of rows) {
      info(`role ${role} is removed; what it owns in ${inputs.database} goes to ${inputs.owner}: ${objects}`);
    }
  });
}

/** What counts as there: with `undeclared: report`, what nobody declared is a warning and no difference. */
function shown({ description, undeclared }: Comparison, inputs: AccessInputs, warn: (text: string) => void): Description {
  if (inputs.undeclared === "revoke") return description;
  for (const each of undeclared) warn(`not declared: ${each}`);
  const declared = Object.entries(description).flatMap(([words, list]) => {
    const wanted = inputs.privileges[words];
    return wanted ? [[words, list.filter((each) => wanted.includes(each))] as const] : [];
  });
  return Object.fromEntries(declared);
}

/** All privileges of one database, reconciled in one transaction. */
export const access: Kind<AccessInputs, AccessState> = {
  replaceOn: ["database"],
  notCompared: ["grants", "undeclared"],
  explain,
  async create(inputs, operation) {
    const state = operation.preview ? inputs : await apply(inputs, [], operation);
    return { id: inputs.database, state };
  },
  read: (_id, state, inputs, { host, warn }) =>
    ask(host, inputs.database, async (client) => ({ ...state, privileges: shown(await look(client, inputs), inputs, warn) }), state),
  async update(_id, old, inputs, operation) {
    if (operation.preview) return inputs;
    return apply(inputs, old.roles.filter((role) => !inputs.roles.includes(role)), operation);
  },
  // The privileges go with the database.
  delete: async () => undefined,
};

