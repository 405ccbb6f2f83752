import { setTimeout as sleep } from "node:timers/promises";
import { type Client, escapeIdentifier as quoted } from "pg";
import { z } from "zod";
import { parseFunctionName } from "../../../config/object-name";
import { catalogQuery, readRows } from "../../catalog-query";
import type { Groups } from "./alternative-grants";
import { DEFAULT_PRIVILEGES, PRIVILEGES } from "./catalog";
import { type Comparison, type Wanted, changesOf, compare, isContentIn } from "./compare";
import { type Description, type Grant, labelOf, formatDescription, linesOf } from "./grant";
import type { AccessInputs, DeclaredAccess } from "./inputs";
import { dropContents, removedSchemas, retire, retiredRoles } from "./removals";
import { describeChanges } from "./privilege-changes";
import { shownStatements, statements } from "./statements";

/** Serializes changes of the privileges of a database. */
const LOCK = "SELECT pg_advisory_xact_lock(hashtext('pgwright'), hashtext('access'))";
/** Longest wait for the lock on an object whose owner changes. */
const LOCK_TIMEOUT = "30s";
/** REVOKE CASCADE can revoke a declared privilege; the next pass grants it again. */
const PASSES = 3;
/** A statement fails if another session changes the same row of the catalog; then the transaction is retried. */
const TRIES = 5;

export const FUNCTIONS = catalogQuery("functions", { n: z.number(), name: z.string() });
export const MEMBERS = catalogQuery("members", { role: z.string(), groups: z.array(z.string()) });

/** Resolves functions by their declared argument types, which the catalog may write in another form. */
async function resolveFunctions(client: Client, grants: Grant[]): Promise<Grant[]> {
  const signatures = grants.map(({ on }) => {
    if ("all" in on || on.kind !== "function") return null;
    const parsed = parseFunctionName(`schema.${on.name}`);
    return parsed ? `${quoted(on.schema)}.${quoted(parsed.name)}(${parsed.args})` : null;
  });
  if (signatures.every((signature) => signature === null)) return grants;
  const rows = await readRows(client, FUNCTIONS, signatures);
  const names = new Map(rows.map(({ n, name }) => [n - 1, name]));
  return grants.map((grant, i) => {
    const name = names.get(i);
    return name !== undefined && !("all" in grant.on) ? { ...grant, on: { ...grant.on, name } } : grant;
  });
}

/** Descriptions of grants as the catalog writes them -> as the stack file does, which is the form that previews show. */
function describeGrants(grants: Grant[], found: Grant[]): Map<string, string[]> {
  const labels = new Map<string, string[]>();
  grants.forEach((grant, i) => {
    const original = labelOf(grant);
    const canonical = labelOf(found[i] ?? grant);
    labels.set(canonical, [...(labels.get(canonical) ?? []), original]);
  });
  return labels;
}

/** Compares the privileges in the catalog with the declared ones. `former`: those of the last update. */
export async function readComparison(
  client: Client,
  declared: DeclaredAccess,
  former?: DeclaredAccess,
): Promise<Comparison> {
  const wanted = { grants: await resolveFunctions(client, declared.grants), creators: declared.creators };
  const once: Wanted | undefined = former && {
    grants: await resolveFunctions(client, former.grants),
    creators: former.creators,
  };
  const named = [...wanted.grants, ...(once?.grants ?? [])].flatMap(({ on }) =>
    "all" in on ? [] : [`${on.kind} ${on.schema} ${on.name}`],
  );
  const privileges = await readRows(client, PRIVILEGES, declared.schemas, named);
  const defaults = await readRows(client, DEFAULT_PRIVILEGES, declared.creators);
  const inScope = defaults.filter(({ schema }) => schema === "" || declared.schemas.includes(schema));
  const comparison = compare({ privileges, defaults: inScope }, wanted, once);
  const labels = describeGrants(declared.grants, wanted.grants);
  return {
    ...comparison,
    description: Object.fromEntries(
      Object.entries(comparison.description).flatMap(([canonical, privileges]) =>
        (labels.get(canonical) ?? [canonical]).map((written) => [written, privileges] as const),
      ),
    ),
  };
}

/** The statements that the update runs. */
export function statementsOf({ undeclared }: DeclaredAccess, comparison: Comparison, write = statements): string[] {
  const { taken, given } = changesOf(comparison, undeclared);
  return [...write("REVOKE", taken), ...write("GRANT", given)];
}

/** The same statements as shown in messages. */
export const shownStatementsOf = (declared: DeclaredAccess, comparison: Comparison): string[] =>
  statementsOf(declared, comparison, shownStatements);

/** Undeclared privileges that the update keeps, if `undeclared` is report. */
export const keptUndeclared = ({ undeclared }: DeclaredAccess, { further }: Comparison): Description | undefined =>
  undeclared === "report" ? further : undefined;

/** The error for grants on objects that do not exist. */
export function missingObjects({ database }: DeclaredAccess, unknown: string[]): Error {
  return new Error(`database ${database} has no ${unknown.join(", no ")}; a grant in the stack file names it`);
}

/** Reads the roles whose privileges each role inherits. */
export async function readGroups(client: Client): Promise<Groups> {
  const rows = await readRows(client, MEMBERS);
  return new Map(rows.map(({ role, groups }) => [role, groups]));
}

export interface Reconciled {
  /** Privileges that roles gained and lost. */
  lines: string[];
  /** Statements that were run, as shown in messages. */
  done: string[];
  /** Undeclared privileges that were kept, if `undeclared` is report. */
  kept: Description | undefined;
}

/** What the last reconciliation of an update does too. */
type Last = Pick<AccessInputs, "dropSchemas">;

/**
 * Grants and revokes until the privileges match the declared ones, in one transaction. `former`: those of the last update. With `last`,
 * no resource that follows creates objects: all objects of grants must exist, and removed schemas are emptied.
 */
export async function reconcile(
  client: Client,
  declared: DeclaredAccess,
  former: DeclaredAccess | undefined,
  last?: Last,
): Promise<Reconciled> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await inTransaction(client, declared, former, last);
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      if (!/tuple concurrently (updated|deleted)/.test((error as Error).message) || tries === TRIES) throw error;
      await sleep(100 * tries);
    }
  }
}

async function inTransaction(
  client: Client,
  declared: DeclaredAccess,
  former: DeclaredAccess | undefined,
  last: Last | undefined,
): Promise<Reconciled> {
  await client.query(`BEGIN; SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
  await client.query(LOCK);
  for (const role of retiredRoles(former, declared)) await retire(client, role, declared.owner);
  if (last) await dropContents(client, { ...declared, ...last }, removedSchemas(former, declared));
  const done: string[] = [];
  let comparison = await readComparison(client, declared, former);
  // In a new and empty database all changes follow from the stack file.
  const isNew = !former && ![...comparison.counts.keys()].some(isContentIn);
  const lines = isNew ? [] : describeChanges(comparison, declared, await readGroups(client));
  if (last && comparison.unknown.length > 0) throw missingObjects(declared, comparison.unknown);
  for (let pass = 0; pass < PASSES && statementsOf(declared, comparison).length > 0; pass += 1) {
    for (const statement of statementsOf(declared, comparison)) await client.query(statement);
    done.push(...shownStatementsOf(declared, comparison));
    comparison = await readComparison(client, declared, former);
  }
  const unsettled = statementsOf(declared, comparison);
  if (unsettled.length > 0)
    throw new Error(
      `database ${declared.database}: privileges still differ after ${PASSES} passes: ${unsettled.join("; ")}`,
    );
  await client.query("COMMIT");
  return { lines, done, kept: keptUndeclared(declared, comparison) };
}

/** The privileges to compare: with `undeclared: report`, an undeclared privilege is a warning and no difference. */
export function comparable(comparison: Comparison, inputs: AccessInputs, warn: (text: string) => void) {
  const { description } = comparison;
  const kept = keptUndeclared(inputs, comparison);
  if (!kept) return { privileges: formatDescription(description), further: undefined };
  for (const each of linesOf(kept)) warn(`not declared in the stack file: ${each}`);
  const declared = Object.entries(description).flatMap(([label, list]) => {
    const wanted = inputs.privileges[label]?.split(", ") ?? [];
    const existing = list.filter((each) => wanted.includes(each));
    return existing.length > 0 ? [[label, existing] as const] : [];
  });
  return { privileges: formatDescription(Object.fromEntries(declared)), further: formatDescription(kept) };
}
