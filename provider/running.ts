import { randomBytes } from "node:crypto";
import { CLUSTER_PATH } from "../backup/paths";
import type { Host } from "./host";
import { OLDER_OPTIONS } from "./session-options";
import { filesOf, intoVolume, runWithRepositories, type Handling, type Repositories } from "./restore";

// The copy of a server that runs on the same engine, in a container of ours or of others.

/**
 * psql in the container of a server, as its superuser, over its socket: that needs nothing that an image of PostgreSQL does not
 * have. What images are told of the superuser is in their environment. Options and database are arguments of the shell.
 */
export const PSQL =
  `PGOPTIONS='${OLDER_OPTIONS}' ` +
  'PGPASSWORD=${PGPASSWORD:-$POSTGRES_PASSWORD} exec psql -XAtq -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" "$@"';

async function ask(host: Host, source: string, query: string): Promise<string> {
  const command = ["exec", source, "sh", "-c", PSQL, "psql", "-d", "postgres", "-c", query];
  return (await host.docker(command)).toString().trim();
}

/** What a preview says of the copy; throws if there can be none. */
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
      `restoreFrom.running: ${source} has tablespaces outside its data directory, which a copy does not bring: ${tablespaces}; move ` +
        "what is in them to pg_default and drop them, or use a dump",
    );
  }
  const renamed =
    superuser === "postgres" ? "" : `; its superuser ${superuser} becomes postgres, beside a role ${superuser}`;
  return `COPY of the running server ${source}, as it is then, ${size}${renamed}`;
}

/** Fills an empty volume with a copy of the cluster of a server that runs on the same engine, as it is now. */
export async function copyRunning(
  host: Host,
  image: string,
  volume: string,
  source: string,
  handling: Handling,
): Promise<void> {
  const nothing: Repositories = { stanza: "", mounts: {}, options: {} };
  const name = `${host.container}-restore`;
  // Both containers have one network namespace for the time of the copy: the data goes from server to volume, by no way over
  // this program.
  const run = (command: string[], files: Record<string, string> = {}, beside?: string) =>
    runWithRepositories(host, name, image, nothing, files, command, intoVolume(volume), beside);
  const { superuser, socat } = await lookInto(host, source);
  if (socat) {
    // In the namespace a socket that no file system shows; it goes with its input.
    const socket = `pgwright-${randomBytes(8).toString("hex")}`;
    const serve = ["exec", "--interactive", source, "bash", "-c", SERVE, "serve", socket];
    await host.beside(serve, () => run(copyCommand(`@${socket}`, superuser), {}, source));
  } else {
    await run(copyCommand("127.0.0.1", superuser), {}, source).catch((error: Error) => {
      throw new Error(`${error.message.trim()}\n${letIn(source, superuser)}`);
    });
  }
  if (superuser !== "postgres") await run(["bash", "-c", RENAME]);
  await run(["restore.sh", "--copied"], filesOf(handling));
}

/** What the way into the source depends on: the name of its superuser, and whether its image has socat. */
async function lookInto(host: Host, source: string): Promise<{ superuser: string; socat: boolean }> {
  const look = 'echo "${POSTGRES_USER:-postgres}"; command -v bash >/dev/null && command -v socat || true';
  const [superuser = "", socat = ""] = (await host.docker(["exec", source, "sh", "-c", look])).toString().split("\n");
  return { superuser, socat: socat !== "" };
}

const letIn = (source: string, superuser: string) =>
  `container ${source} has no socat, so the copy comes from 127.0.0.1 inside it, without a password: its pg_hba.conf needs ` +
  `"host replication ${superuser} 127.0.0.1/32 trust", as images of the docker-library family have it`;

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

// The superuser of a stack is postgres. One of another name (POSTGRES_USER) gets that; a role of its former name, with its password
// and parameters, has what it owns. In a server for one user, since nobody can rename himself.
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
