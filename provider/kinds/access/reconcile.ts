import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { setTimeout as sleep } from "node:timers/promises";
import { parseFunctionName } from "../../../config/object-name";
import { readSql } from "../../../sql/read";
import type { Groups } from "./alternative-grants";
import {
  changesOf,
  compare,
  describe,
  isContentIn,
  type Comparison,
  type Description,
  type Grant,
  type Wanted,
} from "./privileges";
import { dropContents, removedSchemas, retire, retiredRoles } from "./removals";
import { shownStatements, statements } from "./statements";
import { describeChanges } from "./describe";
import type { AccessInputs } from "./inputs";

/** One lock for all that change privileges of a database, so that no two do at once. */
const LOCK = "SELECT pg_advisory_xact_lock(hashtext('pgwright'), hashtext('access'))";
/** How long to wait for a lock on what changes its owner. */
const LOCK_TIMEOUT = "30s";
/** A revoke with its dependents can take away a declared privilege; then another pass gives it back. */
const PASSES = 3;
/** Others that change the same catalog row at the same time make a statement fail; then all is tried again. */
const TRIES = 5;

/** Functions are looked up by the types that the stack file writes, which the catalog may write otherwise. */
async function resolved(client: Client, grants: Grant[]): Promise<Grant[]> {
  const signatures = grants.map(({ on }) => {
    if ("all" in on || on.kind !== "function") return null;
    const parsed = parseFunctionName(`schema.${on.name}`);
    return parsed ? `${quoted(on.schema)}.${quoted(parsed.name)}(${parsed.args})` : null;
  });
  if (signatures.every((signature) => signature === null)) return grants;
  const { rows } = await client.query<{ n: number; name: string }>(readSql("catalog/functions.sql"), [signatures]);
  const names = new Map(rows.map(({ n, name }) => [n - 1, name]));
  return grants.map((grant, i) => {
    const name = names.get(i);
    return name !== undefined && !("all" in grant.on) ? { ...grant, on: { ...grant.on, name } } : grant;
  });
}

/** Words of grants on functions as the catalog writes them -> as the stack file does, which is how a preview shows them. */
function describeGrants(grants: Grant[], found: Grant[]): Map<string, string[]> {
  const words = new Map<string, string[]>();
  grants.forEach((grant, i) => {
    const original = describe(grant);
    const canonical = describe(found[i] ?? grant);
    words.set(canonical, [...(words.get(canonical) ?? []), original]);
  });
  return words;
}

/** Compares the privileges that are there with the wanted ones. `former`: the inputs of the last update. */
export async function look(client: Client, inputs: AccessInputs, former?: AccessInputs): Promise<Comparison> {
  const wanted = { grants: await resolved(client, inputs.grants), creators: inputs.creators };
  const once: Wanted | undefined = former && {
    grants: await resolved(client, former.grants),
    creators: former.creators,
  };
  const named = [...wanted.grants, ...(once?.grants ?? [])].flatMap(({ on }) =>
    "all" in on ? [] : [`${on.kind} ${on.schema} ${on.name}`],
  );
  const { rows: privileges } = await client.query(readSql("catalog/privileges.sql"), [inputs.schemas, named]);
  const { rows: defaults } = await client.query(readSql("catalog/default-privileges.sql"), [inputs.creators]);
  const inScope = defaults.filter(({ schema }) => schema === "" || inputs.schemas.includes(schema));
  const comparison = compare({ privileges, defaults: inScope }, wanted, once);
  const words = describeGrants(inputs.grants, wanted.grants);
  return {
    ...comparison,
    description: Object.fromEntries(
      Object.entries(comparison.description).flatMap(([canonical, privileges]) =>
        (words.get(canonical) ?? [canonical]).map((written) => [written, privileges] as const),
      ),
    ),
  };
}

/** What has to be run. */
export function statementsOf({ undeclared }: AccessInputs, comparison: Comparison, write = statements): string[] {
  const { taken, given } = changesOf(comparison, undeclared);
  return [...write("REVOKE", taken), ...write("GRANT", given)];
}

/** The same for a reader. */
export const shownStatementsOf = (inputs: AccessInputs, comparison: Comparison): string[] =>
  statementsOf(inputs, comparison, shownStatements);

/** What nobody declared, where that stays. */
export const leftBy = ({ undeclared }: AccessInputs, { further }: Comparison): Description | undefined =>
  undeclared === "report" ? further : undefined;

/** An error that says which objects of grants do not exist. */
export function missingObjects({ database }: AccessInputs, unknown: string[]): Error {
  return new Error(`database ${database} has no ${unknown.join(", no ")}; a grant in the stack file names it`);
}

/** Whose privileges a role has as a member, by role. */
export async function readGroups(client: Client): Promise<Groups> {
  const { rows } = await client.query<{ role: string; groups: string[] }>(readSql("catalog/members.sql"));
  return new Map(rows.map(({ role, groups }) => [role, groups]));
}

export interface Reconciled {
  /** Who has gained and lost what. */
  lines: string[];
  /** Statements that were run, for a reader. */
  done: string[];
  /** What nobody declared and is left as it is, if that is wanted. */
  left: Description | undefined;
}

/**
 * Brings the privileges to what is wanted, in one transaction. `former`: the inputs of the last update. `whatIsThere`:
 * objects that a grant names may be missing, since migrations are about to make them.
 */
export async function reconcile(
  client: Client,
  inputs: AccessInputs,
  former: AccessInputs | undefined,
  whatIsThere = false,
): Promise<Reconciled> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await inTransaction(client, inputs, former, whatIsThere);
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      if (!/tuple concurrently (updated|deleted)/.test((error as Error).message) || tries === TRIES) throw error;
      await sleep(100 * tries);
    }
  }
}

async function inTransaction(
  client: Client,
  inputs: AccessInputs,
  former: AccessInputs | undefined,
  whatIsThere: boolean,
): Promise<Reconciled> {
  await client.query(`BEGIN; SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
  await client.query(LOCK);
  for (const role of retiredRoles(former, inputs)) await retire(client, role, inputs.owner);
  if (!whatIsThere) await dropContents(client, inputs, removedSchemas(former, inputs));
  const done: string[] = [];
  let comparison = await look(client, inputs, former);
  // Of a database that is new and empty there is nothing to say that the stack file does not.
  const isNew = !former && ![...comparison.counts.keys()].some(isContentIn);
  const lines = isNew ? [] : describeChanges(comparison, inputs, await readGroups(client));
  if (comparison.unknown.length > 0 && !whatIsThere) throw missingObjects(inputs, comparison.unknown);
  for (let pass = 0; pass < PASSES && statementsOf(inputs, comparison).length > 0; pass += 1) {
    for (const statement of statementsOf(inputs, comparison)) await client.query(statement);
    done.push(...shownStatementsOf(inputs, comparison));
    comparison = await look(client, inputs, former);
  }
  const unsettled = statementsOf(inputs, comparison);
  if (unsettled.length > 0)
    throw new Error(`privileges of database ${inputs.database} do not settle: ${unsettled.join("; ")}`);
  await client.query("COMMIT");
  return { lines, done, left: leftBy(inputs, comparison) };
}
