import { GATEWAY } from "../tuning/pg-hba";
import type { Host } from "./host";

// The server sees the Docker host as the gateway of its network. The address is known once the network exists.

/** A network, from the engine's API. */
interface Network {
  IPAM: { Config: { Gateway?: string }[] | null };
}

const isOfGateway = (rule: string): boolean => rule.split(" ")[3] === GATEWAY;

/** Addresses of the gateway with their prefix length, one for each address family of the network; none without a network. */
export async function gatewaysOf(host: Host, network: string | undefined): Promise<string[]> {
  if (network === undefined) return [];
  const found = await host.read<Network>(`/networks/${encodeURIComponent(network)}`);
  const addresses = (found?.IPAM.Config ?? []).map(({ Gateway = "" }) => Gateway.replace(/\/\d+$/, ""));
  return addresses.filter(Boolean).map((each) => `${each}/${each.includes(":") ? 128 : 32}`);
}

/** Replaces GATEWAY in rules of pg_hba.conf by the addresses. */
export const withGateways = (rules: string[], gateways: string[]): string[] =>
  rules.flatMap((rule) => (isOfGateway(rule) ? gateways.map((each) => rule.replace(GATEWAY, each)) : [rule]));

/** Returns the declared rules if `rules` are what withGateways makes of them, else `rules`. */
export function withoutGateways(rules: string[], declared: string[], gateways: string[]): string[] {
  const written = withGateways(declared, gateways);
  return JSON.stringify(rules) === JSON.stringify(written) ? declared : rules;
}

/** Throws if a rule names the gateway and the network has none. */
export function mustHaveGateway(rules: string[], gateways: string[], network: string | undefined): void {
  if (gateways.length > 0 || !rules.some(isOfGateway)) return;
  throw new Error(
    `network ${network}: it has no gateway, so the Docker host cannot reach the server; recreate the network with a gateway`,
  );
}
