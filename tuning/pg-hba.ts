/** How the names of the roles begin that pgwright makes for one run each (provider/run-role.ts). */
export const RUN_ROLE_PREFIX = "pgwright_run_";

/** Lines of pg_ident.conf: over the socket the container's own user may log in as the role of a run, which has no password. */
export const userNameMaps = [`pgwright postgres /^${RUN_ROLE_PREFIX}`];

/** In the rules below: where the Docker host comes from as the server sees it, the gateway of the server's network. */
export const GATEWAY = "gateway";

/**
 * Rules of pg_hba.conf, first match first. Over the socket the container's own user is the superuser (whoever may use the
 * Docker engine is that anyway); over the network a SCRAM password is needed, from the networks that are allowed.
 * `networks`: CIDR, such as "10.0.0.0/8". "all" does not stand for connections that stream the WAL, which only roles with REPLICATION may open.
 * `address`: where the port is published on the Docker host. pgwright itself comes from the Docker host, as the superuser, whatever the
 * networks are: schemas and extensions are made over TCP.
 */
export function hbaRules(networks: string[], address = "127.0.0.1"): string[] {
  const isOwn = !/^(127\.|0\.0\.0\.0$)/.test(address);
  return [
    "local all,replication postgres peer",
    `local all /^${RUN_ROLE_PREFIX} peer map=pgwright`,
    "local all,replication all scram-sha-256",
    "host all,replication all 127.0.0.1/32 scram-sha-256",
    "host all,replication all ::1/128 scram-sha-256",
    `host all postgres ${GATEWAY} scram-sha-256`,
    ...(isOwn ? [`host all postgres ${address}/32 scram-sha-256`] : []),
    ...networks.map((network) => `host all,replication all ${network} scram-sha-256`),
  ];
}
