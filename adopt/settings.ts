import { serverSettings } from "../config/server-settings";
import { serverSchema, type ServerConfig } from "../config/stack";
import { canonicalValue, findParameter, isCustom } from "../tuning/catalogue";
import { librariesIn } from "../tuning/contradictions";
import { whyManaged } from "../tuning/managed";
import type { SettingFact } from "./facts";
import type { Report } from "./told";

// Pure: parameters that somebody has set, and that neither PostgreSQL nor the tuning would have by itself.

/** Parameters that mean nothing in another container, and what to do instead. */
const ELSEWHERE: [RegExp, string][] = [
  [/^(archive_|restore_command)/, "write backup: the WAL archive is made from it"],
  [/^(ssl|krb_)/, "its files are not in the container of a stack"],
  [/^synchronous_standby_names$/, "commits would wait for standbys that the new server does not have"],
  [
    /^(logging_collector|log_destination|log_directory|log_filename|log_file_mode|log_rotation_|log_truncate_)/,
    "the log is the container's",
  ],
  [/^(default_tablespace|temp_tablespaces)$/, "there are no other tablespaces in a stack"],
  [/(^|_)(library_path|preload_libraries|control_path)$/, "name the libraries that the image has"],
];

/** What belongs to the way a container is started: a stack has its own. */
const PLACES =
  /^(data_directory|config_file|hba_file|ident_file|external_pid_file|listen_addresses|port|unix_socket_.*|dynamic_shared_memory_type|pgwright\..*)$/;
/** Settings of their own in the stack file. */
const KEYS = /^(max_connections|cron\.database_name)$/;
const ZULU = /^(Etc\/)?(UTC|GMT|Universal|Zulu)$/i;

type ServerWritten = Record<string, unknown> & { settings?: ServerConfig["settings"] };

function same(name: string, one: string, other: string | null | undefined): boolean {
  if (one === (other ?? "")) return true;
  if (/^(log_)?timezone$/i.test(name)) return ZULU.test(one) && ZULU.test(other ?? "");
  try {
    return canonicalValue(name, one) === canonicalValue(name, other ?? "");
  } catch {
    return false;
  }
}

const problemOf = (server: ServerWritten): string | undefined => {
  try {
    serverSettings(serverSchema.parse(server));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

/** A parameter that no library of ours has is one of the source's own, unless no library of the source has it either. */
const isKnown = ({ name, custom }: SettingFact, sameImage: boolean): boolean =>
  findParameter(name) !== undefined && (sameImage || custom || !isCustom(name));

/** Adds to the server what has been set; one that does not go with the rest is told. `libraries`: those that the image has beside ours. */
export function writeSettings(server: ServerWritten, facts: SettingFact[], sameImage: boolean, report: Report): void {
  const leave = ({ name, value }: SettingFact, why: string) =>
    report.leave(["server"], `${name} = ${value} is not declared: ${why}`);
  // Its value may hold a password, as a connection to a primary does.
  const leaveUnseen = ({ name }: SettingFact, why: string) =>
    report.leave(["server"], `${name} is not declared: ${why}`);
  const connections = facts.find(({ name }) => name === "max_connections");
  if (connections) tryKey(server, "connections", Number(connections.value), (why) => leave(connections, why));

  const tuned = new Map(serverSettings(serverSchema.parse(server)).settings.map(({ name, value }) => [name, value]));
  for (const fact of facts) {
    const { name, value, bootValue } = fact;
    const lower = name.toLowerCase();
    if (PLACES.test(lower) || KEYS.test(lower) || same(name, value, bootValue) || same(name, value, tuned.get(lower)))
      continue;
    if (lower === "shared_preload_libraries") {
      const [ours, others] = libraries(value, tuned.get(lower));
      if (others.length === 0) continue;
      // The image is made from the one of the source, and has what that has.
      if (sameImage) {
        trySetting(server, name, [...ours, ...others].join(","), (problem) => leave(fact, problem));
        continue;
      }
    }
    if (/^lc_/.test(lower) && /^(C|POSIX|C\.UTF-?8)$/i.test(value)) continue;
    const elsewhere = ELSEWHERE.find(([pattern]) => pattern.test(lower));
    const why =
      elsewhere?.[1] ??
      whyManaged(lower) ??
      (isKnown(fact, sameImage) ? undefined : "the image knows no such parameter");
    if (why !== undefined) leaveUnseen(fact, why);
    else if (/^lc_/.test(lower) && !sameImage) leave(fact, "the image has no such locale");
    else trySetting(server, name, value, (problem) => leave(fact, problem));
  }
}

/** The libraries that the tuning loads, and those that are loaded beside them. */
function libraries(value: string, tuned = ""): [string[], string[]] {
  const ours = librariesIn(tuned);
  return [ours, librariesIn(value).filter((library) => !ours.includes(library))];
}

function tryKey(server: ServerWritten, key: string, value: unknown, refused: (why: string) => void): void {
  const problem = problemOf({ ...server, [key]: value });
  if (problem === undefined) server[key] = value;
  else refused(problem);
}

function trySetting(server: ServerWritten, name: string, value: string, refused: (why: string) => void): void {
  tryKey(server, "settings", { ...server.settings, [name]: value }, refused);
}
