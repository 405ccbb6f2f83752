/**
 * Rules of pg_hba.conf, first match first. Over the socket the container's own user is the superuser (whoever may use the
 * Docker engine is that anyway); over the network a SCRAM password is needed, from the networks that are allowed.
 * `networks`: CIDR, such as "10.0.0.0/8".
 */
export function hbaRules(networks: string[]): string[] {
  return [
    "local all postgres peer",
    "local replication postgres peer",
    "local all all scram-sha-256",
    "host all all 127.0.0.1/32 scram-sha-256",
    "host all all ::1/128 scram-sha-256",
    ...networks.map((network) => `host all all ${network} scram-sha-256`),
  ];
}
