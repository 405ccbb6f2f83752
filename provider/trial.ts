import { CONFIG_PATH } from "../backup/paths";
import { readSql } from "../sql/read";
import { CommandError, POSTGRES, type Host } from "./host";

// A new configuration is tried in a throwaway server before the server's own file is changed. Only a server of the image knows which
// libraries, locales and time zones the image has.

/** Limits of the server's container. */
export interface Limits {
  /** MiB. */
  memory: number;
  cpus: string;
  /** MiB, of /dev/shm. */
  sharedMemory: number;
}

export interface Trial {
  image: string;
  /** The volume of the server's configuration, for files that parameters name; it may not exist yet. */
  volume: string;
  /** The new postgresql.conf, pg_hba.conf and pg_ident.conf, by name. */
  files: Record<string, string>;
  limits?: Limits;
}

/** Longest time that the throwaway server may take, seconds. */
const WITHIN_S = 120;

// The arguments of postgres override the file: the server listens only on its socket, archives nothing, and logs to a file.
const SCRIPT = `
set -uo pipefail
data=/tmp/trial-data log=/tmp/trial-log socket=/tmp/trial-socket
mkdir "$socket"
cp --archive --sparse=always /usr/local/share/pgwright/trial "$data" || exit 70
postgres -D "$data" -c config_file=/trial/postgresql.conf -c hba_file=/trial/pg_hba.conf -c ident_file=/trial/pg_ident.conf \\
  -c listen_addresses= -c unix_socket_directories="$socket" -c archive_command=false -c fsync=off -c huge_pages=off -c logging_collector=off -c log_destination=stderr >"$log" 2>&1 &
server=$!
for (( tries = 0; tries < ${WITHIN_S} * 5; tries++ )); do
  kill -0 "$server" 2>/dev/null || break
  pg_isready --quiet --host="$socket" && break
  sleep 0.2
done
if kill -0 "$server" 2>/dev/null; then
  psql -XAtq -v ON_ERROR_STOP=1 -h "$socket" -U postgres -d postgres -f /trial/check.sql >/tmp/answer 2>&1 && exit 0
  cat /tmp/answer
else
  grep -E '(FATAL|PANIC|ERROR|HINT|DETAIL|LOG):  ' "$log" | grep -vE 'LOG:  (starting|listening|database system)' >/tmp/answer
  if [ -s /tmp/answer ]; then tail -n 10 /tmp/answer; else tail -n 10 "$log"; fi
fi
exit 65
`;

/** Throws, with the server's output, if a server of the image does not start with the configuration or rejects it. */
export async function tryConfiguration(host: Host, { image, volume, files, limits }: Trial): Promise<void> {
  const name = `${host.container}-trial`;
  const limited = limits
    ? ["--memory", `${limits.memory}m`, "--memory-swap", `${limits.memory}m`, "--cpus", limits.cpus]
    : [];
  const shared = limits ? ["--shm-size", `${limits.sharedMemory}m`] : [];
  const mounted = (await host.volumeExists(volume)) ? ["--volume", `${volume}:${CONFIG_PATH}:ro`] : [];
  const fixed = [
    "--name",
    name,
    "--network",
    "none",
    "--label",
    "pgwright.helper=trial",
    "--cap-drop",
    "ALL",
    "--init",
    // The cluster has a thousand files, which a file system takes longer to create and remove than memory.
    "--tmpfs",
    "/tmp",
  ];
  await host.docker(["rm", "--force", "--volumes", name]); // of a run that was killed
  await host.docker(["create", ...fixed, ...limited, ...shared, ...mounted, image, "bash", "-c", SCRIPT]);
  try {
    const owner = { uid: POSTGRES, gid: POSTGRES };
    await host.copyInto(name, "/", [
      { name: "trial", mode: 0o700, ...owner },
      ...Object.entries({ ...files, "check.sql": readSql("catalog/configuration-check.sql") }).map(
        ([file, content]) => ({ name: `trial/${file}`, content, mode: 0o600, ...owner }),
      ),
    ]);
    await host.docker(["start", "--attach", name]);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const output = (error.printed || error.output).trim().replaceAll("/trial/", "");
    throw new Error(
      `server.settings: a server of image ${image} rejects the new configuration, and nothing was changed; correct the settings ` +
        `that its output names:\n${output}`,
    );
  } finally {
    await host.docker(["rm", "--force", "--volumes", name]).catch(() => undefined);
  }
}
