import type { HbaFact } from "./facts";
import { contains, EVERYWHERE, overlaps, parseNetwork, without, writeNetwork, type Network } from "./network";
import type { Report } from "./told";

// Pure: the rules for clients (pg_hba.conf, the first match counts) as networks that clients may come from.

/** The server's own machine, which a stack lets in too. */
const LOCAL = ["127.0.0.1", "::1"];
const isLocal = ({ type, address }: HbaFact): boolean =>
  type === "local" || address === "samehost" || LOCAL.includes(address ?? "");

/** The networks of a rule; undefined if it has a host name or another word. */
function networksOf({ address, netmask }: HbaFact): Network[] | undefined {
  if (address === "all") return EVERYWHERE;
  const network = parseNetwork(address ?? "", netmask ?? "");
  return network && [network];
}

const isForAll = ({ type, databases, users }: HbaFact): boolean =>
  type === "host" && databases.join() === "all" && users.join() === "all";

/** Does a stack have the same rule? */
const isPlain = (rule: HbaFact): boolean =>
  isForAll(rule) && rule.method === "scram-sha-256" && networksOf(rule) !== undefined;

function write(rule: HbaFact): string {
  const { type, databases, users, address, method } = rule;
  const networks = address === "all" ? undefined : networksOf(rule);
  const from = networks ? networks.map(writeNetwork) : address === null ? [] : [address];
  return `the rule "${[type, databases.join(","), users.join(","), ...from, method].join(" ")}" of pg_hba.conf`;
}

interface Reached {
  rule: HbaFact;
  /**
   * The networks whose clients come as far as this rule: one for all that stands before it keeps its own from it. Where a rule lets clients
   * in, it does not matter which one does; only those that reject count then.
   */
  networks: Network[];
}

function reach(rules: HbaFact[]): Reached[] {
  const decided: { network: Network; rejects: boolean }[] = [];
  return rules.map((rule) => {
    const own = networksOf(rule) ?? [];
    const rejects = rule.method === "reject";
    const before = decided.filter((each) => rejects || each.rejects);
    const networks = before.reduce((left, each) => left.flatMap((part) => without(part, each.network)), own);
    if (isForAll(rule)) decided.push(...own.map((network) => ({ network, rejects })));
    return { rule, networks };
  });
}

/** Networks without those that lie in another one. */
const merged = (networks: Network[]): Network[] =>
  networks.filter(
    (each, i) => !networks.some((other, j) => i !== j && contains(other, each) && (j < i || !contains(each, other))),
  );

/** Why a rule is reported; undefined if a stack has it, or nobody passes by it. */
function unlike({ rule, networks }: Reached, declared: Network[]): string | undefined {
  if (rule.method !== "reject")
    return isLocal(rule) || isPlain(rule)
      ? undefined
      : "in a stack every role connects from server.allowFrom with its password (scram-sha-256)";
  const passes = networks.some((each) => declared.some((other) => overlaps(each, other)));
  if (!passes && !isLocal(rule) && networksOf(rule)) return undefined;
  return (
    "a role that it rejects can connect to the stack with its password; to keep it out, set login: false, leave out its CONNECT " +
    "on the database, or narrow server.allowFrom"
  );
}

/** The networks of clients, undefined for the stack's default; every rule that says more than that is reported. */
export function writeNetworks(rules: HbaFact[], report: Report): string[] | undefined {
  const leave = (text: string) => report.leave(["server"], text);
  for (const { line, error } of rules)
    if (error) leave(`line ${line} of pg_hba.conf is not declared: PostgreSQL cannot read it (${error})`);
  const reached = reach(rules.filter(({ error }) => !error));
  const letIn = reached.filter(({ rule }) => !isLocal(rule) && rule.method !== "reject");
  const networks = merged(letIn.flatMap((each) => each.networks));
  const isDefault = EVERYWHERE.every((each) => networks.some((other) => contains(other, each)));
  for (const each of reached) {
    const why = unlike(each, networks);
    if (why) leave(`${write(each.rule)} is not declared: ${why}`);
  }
  if (networks.length > 0) return isDefault ? undefined : networks.map(writeNetwork);
  if (rules.length > 0)
    leave(
      "pg_hba.conf lets no network in; in the stack every role connects with its password from wherever server.address can be " +
        "reached: declare server.allowFrom",
    );
  return undefined;
}
