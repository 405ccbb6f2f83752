import type { HbaFact } from "./facts";
import { contains, EVERYWHERE, overlaps, parseNetwork, without, writeNetwork, type Network } from "./network";
import type { Report } from "./report";

// Pure: the networks from which pg_hba.conf allows clients. Its first matching rule counts.

/** The server's own machine, from which a stack allows connections too. */
const LOCAL = ["127.0.0.1", "::1"];
const isLocal = ({ type, address }: HbaFact): boolean =>
  type === "local" || address === "samehost" || LOCAL.includes(address ?? "");

/** The networks of a rule; undefined if its address is a host name or a keyword. */
function networksOf({ address, netmask }: HbaFact): Network[] | undefined {
  if (address === "all") return EVERYWHERE;
  const network = parseNetwork(address ?? "", netmask ?? "");
  return network && [network];
}

const isForAll = ({ type, databases, users }: HbaFact): boolean =>
  type === "host" && databases.join() === "all" && users.join() === "all";

/** True if the rules of a stack include this rule. */
const isStackRule = (rule: HbaFact): boolean =>
  isForAll(rule) && rule.method === "scram-sha-256" && networksOf(rule) !== undefined;

function describeRule(rule: HbaFact): string {
  const { type, databases, users, address, method } = rule;
  const networks = address === "all" ? undefined : networksOf(rule);
  const from = networks ? networks.map(writeNetwork) : address === null ? [] : [address];
  return `the rule "${[type, databases.join(","), users.join(","), ...from, method].join(" ")}" of pg_hba.conf`;
}

interface ReachableRule {
  rule: HbaFact;
  /**
   * The networks whose clients reach this rule: an earlier rule for all databases and users decides about its own networks. For a rule
   * that allows clients only earlier rejections count, as it does not matter which rule allows a client.
   */
  networks: Network[];
}

function findReachable(rules: HbaFact[]): ReachableRule[] {
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

/** Networks without those that another one contains. */
const merged = (networks: Network[]): Network[] =>
  networks.filter(
    (each, i) => !networks.some((other, j) => i !== j && contains(other, each) && (j < i || !contains(each, other))),
  );

/** Why a rule cannot be declared; undefined if the stack has the same rule, or the rule affects no client. */
function whyUndeclared({ rule, networks }: ReachableRule, declared: Network[]): string | undefined {
  if (rule.method !== "reject")
    return isLocal(rule) || isStackRule(rule)
      ? undefined
      : "in a stack every role connects from server.allowFrom with its password (scram-sha-256)";
  const passes = networks.some((each) => declared.some((other) => overlaps(each, other)));
  if (!passes && !isLocal(rule) && networksOf(rule)) return undefined;
  return (
    "a role that it rejects can connect to the stack with its password; to prevent that, set login: false, remove its CONNECT " +
    "on the database, or narrow server.allowFrom"
  );
}

/** The networks of clients; undefined for the stack's default. Reports every rule that networks cannot express. */
export function writeNetworks(rules: HbaFact[], report: Report): string[] | undefined {
  const note = (text: string) => report.addNote(["server"], text);
  for (const { line, error } of rules)
    if (error) note(`line ${line} of pg_hba.conf is not declared: PostgreSQL cannot read it (${error})`);
  const reachable = findReachable(rules.filter(({ error }) => !error));
  const allowing = reachable.filter(({ rule }) => !isLocal(rule) && rule.method !== "reject");
  const networks = merged(allowing.flatMap((each) => each.networks));
  const isDefault = EVERYWHERE.every((each) => networks.some((other) => contains(other, each)));
  for (const each of reachable) {
    const why = whyUndeclared(each, networks);
    if (why) note(`${describeRule(each.rule)} is not declared: ${why}`);
  }
  if (networks.length > 0) return isDefault ? undefined : networks.map(writeNetwork);
  if (rules.length > 0)
    note(
      "pg_hba.conf allows no network; in the stack every role can connect with its password from each network that reaches " +
        "server.address; declare server.allowFrom",
    );
  return undefined;
}
