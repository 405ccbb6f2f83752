import { GATEWAY } from "../tuning/pg-hba";
import { CommandError, type Host } from "./host";

// The Docker host as the server sees it: the gateway of the server's network, which is known once there is a network.

const isOfGateway = (rule: string): boolean => rule.split(" ")[3] === GATEWAY;

/** Its addresses with their prefix, one for each family that the network has; none without a network. */
export async function gatewaysOf(host: Host, network: string | undefined): Promise<string[]> {
  if (network === undefined) return [];
  const format = "{{range .IPAM.Config}}{{println .Gateway}}{{end}}";
  try {
    const found = (await host.docker(["network", "inspect", "--format", format, network])).toString();
    const addresses = found.split("\n").map((each) => each.trim().replace(/\/\d+$/, ""));
    return addresses.filter(Boolean).map((each) => `${each}/${each.includes(":") ? 128 : 32}`);
  } catch (error) {
    if (error instanceof CommandError && /no such network|not found/i.test(error.output)) return [];
    throw error;
  }
}

/** Rules of pg_hba.conf as the server takes them. */
export const withGateways = (rules: string[], gateways: string[]): string[] =>
  rules.flatMap((rule) => (isOfGateway(rule) ? gateways.map((each) => rule.replace(GATEWAY, each)) : [rule]));

/** Rules as they were declared, where they are what was written of those. */
export function withoutGateways(rules: string[], declared: string[], gateways: string[]): string[] {
  const written = withGateways(declared, gateways);
  return JSON.stringify(rules) === JSON.stringify(written) ? declared : rules;
}

/** Fails where rules name the gateway and there is none. */
export function mustHaveGateway(rules: string[], gateways: string[], network: string | undefined): void {
  if (gateways.length > 0 || !rules.some(isOfGateway)) return;
  throw new Error(`network ${network}: it has no gateway, by which the Docker host reaches the server; make it anew`);
}
