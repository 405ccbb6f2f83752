import { serverSettings } from "../config/server-settings";
import { serverSchema, type ServerConfig } from "../config/stack";
import { canonicalValue, findParameter, isCustom } from "../tuning/catalogue";
import { librariesIn } from "../tuning/contradictions";
import type { Setting } from "../tuning/defaults";
import { whyManaged } from "../tuning/managed";
import type { SettingFact } from "./facts";
import type { Report } from "./report";

// Pure: parameters whose value differs from PostgreSQL's default and from the tuned value.

/** Parameters that do not apply in another container, and what to do instead. */
const NOT_PORTABLE: [RegExp, string][] = [
  [/^(archive_|restore_command)/, "declare backup, which configures the WAL archive"],
  [/^(ssl|krb_)/, "its files are not in the container of a stack"],
  [/^synchronous_standby_names$/, "commits would wait for standbys that the new server does not have"],
  [
    /^(logging_collector|log_destination|log_directory|log_filename|log_file_mode|log_rotation_|log_truncate_)/,
    "the server writes to the container's log",
  ],
  [/^(default_tablespace|temp_tablespaces)$/, "a stack has no other tablespaces"],
  [/(^|_)(library_path|preload_libraries|control_path)$/, "declare the libraries of the image"],
];

/** Parameters of the container's start, for which a stack has its own values. */
const START_PARAMETERS =
  /^(data_directory|config_file|hba_file|ident_file|external_pid_file|listen_addresses|port|unix_socket_.*|dynamic_shared_memory_type|pgwright\..*)$/;
/** Parameters with a separate key in the stack file. */
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

const tuned = (server: ServerWritten): Setting[] => serverSettings({ server: serverSchema.parse(server) }).settings;

const problemOf = (server: ServerWritten): string | undefined => {
  try {
    tuned(server);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

/** False for a parameter of a library that the source has and the image lacks. */
const isKnown = ({ name, custom }: SettingFact, sameImage: boolean): boolean =>
  findParameter(name) !== undefined && (sameImage || custom || !isCustom(name));

/** Adds changed parameters to `server.settings`, and reports those that cannot be declared. */
export function writeSettings(server: ServerWritten, facts: SettingFact[], sameImage: boolean, report: Report): void {
  const note = ({ name, value }: SettingFact, why: string) =>
    report.addNote(["server"], `${name} = ${value} is not declared: ${why}`);
  // The value may contain a password, as primary_conninfo does.
  const noteWithoutValue = ({ name }: SettingFact, why: string) =>
    report.addNote(["server"], `${name} is not declared: ${why}`);
  const connections = facts.find(({ name }) => name === "max_connections");
  if (connections) tryKey(server, "connections", Number(connections.value), (why) => note(connections, why));

  const tunedValues = new Map(tuned(server).map(({ name, value }) => [name, value]));
  for (const fact of facts) {
    const { name, value, bootValue } = fact;
    const lower = name.toLowerCase();
    if (
      START_PARAMETERS.test(lower) ||
      KEYS.test(lower) ||
      same(name, value, bootValue) ||
      same(name, value, tunedValues.get(lower))
    )
      continue;
    if (lower === "shared_preload_libraries") {
      const [ours, others] = libraries(value, tunedValues.get(lower));
      if (others.length === 0) continue;
      // The image is based on the image of the source, and so has its libraries.
      if (sameImage) {
        trySetting(server, name, [...ours, ...others].join(","), (problem) => note(fact, problem));
        continue;
      }
    }
    if (/^lc_/.test(lower) && /^(C|POSIX|C\.UTF-?8)$/i.test(value)) continue;
    const notPortable = NOT_PORTABLE.find(([pattern]) => pattern.test(lower));
    const why =
      notPortable?.[1] ??
      whyManaged(lower) ??
      (isKnown(fact, sameImage) ? undefined : "the image has no such parameter");
    if (why !== undefined) noteWithoutValue(fact, why);
    else if (/^lc_/.test(lower) && !sameImage) note(fact, "the image has no such locale");
    else trySetting(server, name, value, (problem) => note(fact, problem));
  }
}

/** The libraries that the tuning loads, and the other libraries of `value`. */
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
