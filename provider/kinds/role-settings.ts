import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { readSql } from "../../sql/read";
import type { Kind, Operation } from "../kind";
import { ask, withDatabase } from "../session";
import { sameValue } from "./parameters";
import { roleDrift, type Drift, type RoleDeclaration, type RoleFact } from "./role-drift";

type Settings = Record<string, Record<string, string>>;

export interface RoleSettingsInputs {
  /** Parameters of a role's sessions, by role. */
  roles: Settings;
  /** What the stack file says of each role besides. */
  declared: Record<string, RoleDeclaration>;
  /** What somebody has done to roles by hand, in words, by role: always nothing, so that whatever is there is drift. */
  byHand: Record<string, string[]>;
}

/** Drift in these is in `byHand`: the Role resource of @pulumi/postgresql sets them. */
const ELSEWHERE = ["search_path", "statement_timeout"];

async function readSettings(client: Client, { roles: wanted, declared }: RoleSettingsInputs): Promise<Settings> {
  const { rows } = await client.query<{ role: string; setting: string }>(
    `SELECT rolname AS role, unnest(setconfig) AS setting
     FROM pg_db_role_setting JOIN pg_roles ON pg_roles.oid = setrole
     WHERE setdatabase = 0 AND rolname = ANY ($1)`,
    [Object.keys(declared)],
  );
  const found: Settings = {};
  for (const { role, setting } of rows) {
    const name = setting.slice(0, setting.indexOf("="));
    const value = setting.slice(name.length + 1);
    if (ELSEWHERE.includes(name)) continue;
    const want = wanted[role]?.[name];
    const same = want !== undefined && sameValue(name, want, value);
    (found[role] ??= {})[name] = same ? want : value;
  }
  return found;
}

/** Drift by role; `undefined` for a role that is gone. */
async function readDrift(
  client: Client,
  declared: RoleSettingsInputs["declared"],
): Promise<Map<string, Drift[] | undefined>> {
  const { rows } = await client.query<RoleFact>(readSql("catalog/roles.sql"), [Object.keys(declared)]);
  const facts = new Map(rows.map((fact) => [fact.role, fact]));
  const found = Object.entries(declared).map(([role, wanted]) => {
    const fact = facts.get(role);
    return [role, fact && roleDrift(fact, wanted)] as const;
  });
  return new Map(found.filter(([, drift]) => drift?.length !== 0));
}

function inWords(drift: Map<string, Drift[] | undefined>): RoleSettingsInputs["byHand"] {
  return Object.fromEntries([...drift].map(([role, list]) => [role, list?.map(({ words }) => words) ?? ["dropped"]]));
}

async function read(client: Client, inputs: RoleSettingsInputs): Promise<RoleSettingsInputs> {
  const byHand = inWords(await readDrift(client, inputs.declared));
  return { roles: await readSettings(client, inputs), declared: inputs.declared, byHand };
}

async function apply(client: Client, inputs: RoleSettingsInputs, { info }: Operation): Promise<void> {
  const { roles, declared } = inputs;
  await client.query("BEGIN");
  for (const [role, drift] of await readDrift(client, declared)) {
    if (!drift) throw new Error(`role ${role} was dropped by hand: pulumi up --refresh makes it again`);
    for (const { statement } of drift) {
      info(`${statement};`);
      await client.query(statement);
    }
  }
  const actual = await readSettings(client, inputs);
  for (const role of Object.keys(declared)) {
    const wanted = roles[role] ?? {};
    for (const name of Object.keys(actual[role] ?? {})) {
      if (!(name in wanted)) await client.query(`ALTER ROLE ${quoted(role)} RESET ${quoted(name)}`);
    }
    for (const [name, value] of Object.entries(wanted)) {
      if (actual[role]?.[name] === value) continue;
      await client.query(`ALTER ROLE ${quoted(role)} SET ${quoted(name)} = ${client.escapeLiteral(value)}`);
    }
  }
  await client.query("COMMIT");
}

/** Parameters of the sessions of roles (ALTER ROLE ... SET), and what was done to roles by hand, in one transaction. */
export const roleSettings: Kind<RoleSettingsInputs, RoleSettingsInputs> = {
  notCompared: ["declared"],
  async create(inputs, operation) {
    if (!operation.preview)
      await withDatabase(operation.host, "postgres", (client) => apply(client, inputs, operation));
    return { id: operation.name, state: inputs };
  },
  read: (_id, state, inputs, { host }) => ask(host, "postgres", (client) => read(client, inputs), state),
  async update(_id, _old, inputs, operation) {
    if (!operation.preview)
      await withDatabase(operation.host, "postgres", (client) => apply(client, inputs, operation));
    return inputs;
  },
  // The settings go with their roles.
  delete: async () => undefined,
};
