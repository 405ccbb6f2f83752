import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import type { Kind } from "../kind";
import { ask, withDatabase } from "../session";
import { sameValue } from "./parameters";

export interface RoleSettingsInputs {
  /** Parameters of a role's sessions, by role. */
  roles: Record<string, Record<string, string>>;
}

/** These two belong to the Role resource of @pulumi/postgresql. */
const ELSEWHERE = ["search_path", "statement_timeout"];

async function readAll(client: Client, wanted: RoleSettingsInputs["roles"]): Promise<RoleSettingsInputs["roles"]> {
  const { rows } = await client.query<{ role: string; setting: string }>(
    `SELECT rolname AS role, unnest(setconfig) AS setting
     FROM pg_db_role_setting JOIN pg_roles ON pg_roles.oid = setrole
     WHERE setdatabase = 0 AND rolname = ANY ($1)`,
    [Object.keys(wanted)],
  );
  const found: RoleSettingsInputs["roles"] = Object.fromEntries(Object.keys(wanted).map((role) => [role, {}]));
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

/** Parameters of the sessions of roles (ALTER ROLE ... SET), all roles in one transaction. */
export const roleSettings: Kind<RoleSettingsInputs, RoleSettingsInputs> = {
  async create(inputs, { host, preview, name }) {
    if (!preview) await withDatabase(host, "postgres", (client) => apply(client, inputs));
    return { id: name, state: inputs };
  },
  async read(_id, state, inputs, { host }) {
    return ask(host, "postgres", async (client) => ({ roles: await readAll(client, inputs.roles) }), state);
  },
  async update(_id, _old, inputs, { host, preview }) {
    if (!preview) await withDatabase(host, "postgres", (client) => apply(client, inputs));
    return inputs;
  },
  // The settings go with their roles.
  delete: async () => undefined,
};

async function apply(client: Client, { roles }: RoleSettingsInputs): Promise<void> {
  await client.query("BEGIN");
  const actual = await readAll(client, roles);
  for (const [role, wanted] of Object.entries(roles)) {
    for (const name of Object.keys(actual[role] ?? {})) {
      if (!(name in wanted)) await client.query(`ALTER ROLE ${quoted(role)} RESET ${quoted(name)}`);
    }
    for (const [name, value] of Object.entries(wanted)) {
      if (actual[role]?.[name] !== value) await client.query(`ALTER ROLE ${quoted(role)} SET ${quoted(name)} = ${client.escapeLiteral(value)}`);
    }
  }
  await client.query("COMMIT");
}
