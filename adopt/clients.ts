import type { HbaFact } from "./facts";
import type { Report } from "./told";

// Pure: the rules for clients (pg_hba.conf) as networks that they may come from.

const LOCAL = ["127.0.0.1", "::1"];
const bits = (netmask: string): number =>
  netmask.includes(".")
    ? netmask.split(".").reduce((sum, each) => sum + Number(each).toString(2).replaceAll("0", "").length, 0)
    : [...netmask.replaceAll(":", "")].reduce(
        (sum, each) => sum + parseInt(each, 16).toString(2).replaceAll("0", "").length,
        0,
      );

/** The network of a rule; undefined if it is the server's own machine, or no network. */
function networkOf({ type, address, netmask }: HbaFact): string[] {
  if (type === "local" || address === null || LOCAL.includes(address) || address === "samehost") return [];
  if (address === "all") return ["0.0.0.0/0", "::/0"];
  return netmask === null ? [] : [`${address}/${bits(netmask)}`];
}

/** The networks of clients; every rule that says more than that is told. */
export function writeNetworks(rules: HbaFact[], report: Report): string[] {
  const fromOutside = rules.filter(
    (rule) => rule.type !== "local" && !LOCAL.includes(rule.address ?? "") && rule.method !== "reject",
  );
  for (const rule of fromOutside.filter((each) => !isPlain(each))) {
    const { type, databases, users, address, method } = rule;
    report.leave(
      ["server"],
      `the rule "${type} ${databases.join(",")} ${users.join(",")} ${address} ${method}" of pg_hba.conf is not declared: in a stack ` +
        "every role connects from server.allowFrom with its password (scram-sha-256)",
    );
  }
  const networks = [...new Set(fromOutside.flatMap(networkOf))];
  return networks.includes("0.0.0.0/0") || networks.length === 0 ? [] : networks;
}

/** Does a stack have the same rule? */
function isPlain({ type, databases, users, method, address, netmask }: HbaFact): boolean {
  const everybody = databases.join() === "all" && users.join() === "all";
  return type === "host" && everybody && method === "scram-sha-256" && (address === "all" || netmask !== null);
}
