/** Prefix of the roles that pgwright creates for a single run (provider/run-role.ts). */
export const RUN_ROLE_PREFIX = "pgwright_run_";

/** Lines of pg_ident.conf: over the socket, the container's user can log in as the role of a run, which has no password. */
export const userNameMaps = [`pgwright postgres /^${RUN_ROLE_PREFIX}`];

/** Placeholder in the rules for the address of the Docker host as the server sees it: the gateway of the server's network. */
export const GATEWAY = "gateway";

/**
 * Rules of pg_hba.conf; the first match counts. Over the socket, the container's user is the superuser (every user of the Docker engine
 * has this access anyway). Over the network, the allowed networks need a SCRAM password.
 * `networks`: CIDR, such as "10.0.0.0/8". `replication` is listed beside `all`, which does not include connections that stream the WAL.
 * `address`: the published address of the Docker host. pgwright connects from there over TCP as the superuser, to create schemas and
 * extensions, so this rule does not depend on `networks`.
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
