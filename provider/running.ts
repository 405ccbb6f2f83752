import { randomBytes } from "node:crypto";
import { CLUSTER_PATH } from "../backup/paths";
import type { Host } from "./host";
import { OLDER_OPTIONS } from "./session-options";
import { filesOf, intoVolume, runWithRepositories, type Handling, type Repositories } from "./restore";

// Copies a server that runs in any container on the same engine.

/**
 * psql in the container of a server, as its superuser, over its socket: every image of PostgreSQL has what this needs. Name and
 * password of the superuser are in the container's environment. Options and database are arguments of the shell.
 */
export const PSQL =
  `PGOPTIONS='${OLDER_OPTIONS}' ` +
  'PGPASSWORD=${PGPASSWORD:-$POSTGRES_PASSWORD} exec psql -XAtq -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" "$@"';

async function ask(host: Host, source: string, query: string): Promise<string> {
  const command = ["exec", source, "sh", "-c", PSQL, "psql", "-d", "postgres", "-c", query];
  return (await host.docker(command)).toString().trim();
}

/** Describes the copy in a preview; throws if the server cannot be copied. */
export async function explainRunning(host: Host, source: string): Promise<string> {
  if (!(await host.inspect(source))?.running)
    throw new Error(`restoreFrom.running: container ${source} does not run on this Docker engine`);
  const [size, tablespaces, superuser] = (
    await ask(
      host,
      source,
      `SELECT pg_size_pretty(sum(pg_database_size(oid))),
              (SELECT string_agg(spcname, ', ') FROM pg_tablespace WHERE oid >= 16384),
              (SELECT rolname FROM pg_roles WHERE oid = 10)
       FROM pg_database`,
    )
  ).split("|");
  if (tablespaces) {
    throw new Error(
      `restoreFrom.running: ${source} has tablespaces outside its data directory, which a copy does not include: ${tablespaces}; ` +
        "move their objects to pg_default and drop the tablespaces, or use a dump",
    );
  }
  const renamed =
    superuser === "postgres"
      ? ""
      : `; its superuser ${superuser} is renamed to postgres, and a role ${superuser} is created`;
  return `COPY of the running server ${source} at the time of the update, ${size}${renamed}`;
}

/** Fills an empty volume with a copy of the current cluster of a server that runs on the same engine. */
export async function copyRunning(
  host: Host,
  image: string,
  volume: string,
  source: string,
  handling: Handling,
): Promise<void> {
  const nothing: Repositories = { stanza: "", mounts: {}, options: {} };
  const name = `${host.container}-restore`;
  // Both containers share one network namespace during the copy, so the data goes directly from the server to the volume and not
  // through this program.
  const run = (command: string[], files: Record<string, string> = {}, beside?: string) =>
    runWithRepositories(host, name, image, nothing, files, command, intoVolume(volume), beside);
  const { superuser, socat } = await readSource(host, source);
  if (socat) {
    // An abstract socket exists only in the network namespace, and only until the input of the process is closed.
    const socket = `pgwright-${randomBytes(8).toString("hex")}`;
    const serve = ["exec", "--interactive", source, "bash", "-c", SERVE, "serve", socket];
    await host.runDuring(serve, () => run(copyCommand(`@${socket}`, superuser), {}, source));
  } else {
    await run(copyCommand("127.0.0.1", superuser), {}, source).catch((error: Error) => {
      throw new Error(`${error.message.trim()}\n${describeAccess(source, superuser)}`);
    });
  }
  if (superuser !== "postgres") await run(["bash", "-c", RENAME]);
  await run(["restore.sh", "--copied"], filesOf(handling));
}

/** Reads what the connection to the source depends on: the name of its superuser, and whether its image has socat. */
async function readSource(host: Host, source: string): Promise<{ superuser: string; socat: boolean }> {
  const look = 'echo "${POSTGRES_USER:-postgres}"; command -v bash >/dev/null && command -v socat || true';
  const [superuser = "", socat = ""] = (await host.docker(["exec", source, "sh", "-c", look])).toString().split("\n");
  return { superuser, socat: socat !== "" };
}

const describeAccess = (source: string, superuser: string) =>
  `container ${source} has no socat, so the copy connects from 127.0.0.1 inside the container, without a password; its pg_hba.conf ` +
  `must have "host replication ${superuser} 127.0.0.1/32 trust", as in docker-library images`;

const SERVE = `
socat "ABSTRACT-LISTEN:$1/.s.PGSQL.5432,fork" UNIX-CONNECT:/var/run/postgresql/.s.PGSQL.5432 &
until grep -q "@$1" /proc/net/unix; do kill -0 $! || exit 1; sleep 0.02; done
echo ready
cat >/dev/null
kill $!`;

function copyCommand(from: string, superuser: string): string[] {
  const to = `${CLUSTER_PATH}.unfinished`;
  const options = ["--no-password", "--checkpoint=fast", "--wal-method=stream", `--pgdata=${to}`];
  const backup = ["pg_basebackup", `--host=${from}`, `--username=${superuser}`, ...options];
  return ["bash", "-c", `rm -rf ${to} && exec "$@"`, "copy", ...backup];
}

// The superuser of a stack is postgres. A superuser of another name (POSTGRES_USER) is renamed, and a role of the former name gets
// its password and parameters, and is a member of postgres. In single-user mode, since a role cannot rename itself in a session.
const RENAME = `
cd ${CLUSTER_PATH}.unfinished
: >/tmp/postgresql.conf
: >postgresql.auto.conf
postgres --single -D "$PWD" -c config_file=/tmp/postgresql.conf -c exit_on_error=on postgres <<'SQL'
SET search_path = pg_catalog, pg_temp
DO $$ DECLARE former name := (SELECT rolname FROM pg_authid WHERE oid = 10); BEGIN \
IF EXISTS (SELECT FROM pg_authid WHERE rolname = 'postgres') THEN RETURN; END IF; \
UPDATE pg_authid SET rolname = 'postgres' WHERE oid = 10; \
EXECUTE format('CREATE ROLE %I LOGIN', former); \
UPDATE pg_authid AS r SET rolpassword = s.rolpassword FROM pg_authid AS s WHERE r.rolname = former AND s.oid = 10; \
UPDATE pg_authid SET rolpassword = NULL WHERE oid = 10; \
UPDATE pg_db_role_setting SET setrole = (SELECT oid FROM pg_authid WHERE rolname = former) WHERE setrole = 10; \
EXECUTE format('GRANT postgres TO %I', former); END $$
SQL`;
