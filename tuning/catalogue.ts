/** The parameters of PostgreSQL 17 and of the extensions in the image: what exists, what is allowed, what a change costs. */
import catalogue from "./parameters.json";
import { whyManaged, whyOtherVersion } from "./managed";
import { nearest } from "./nearest";
import { formatQuantity, parseQuantity, unitsFor } from "./units";

export type Context = "internal" | "postmaster" | "sighup" | "superuser-backend" | "backend" | "superuser" | "user";

/** A row of pg_settings as the image has it; see extract.ts. Bounds and default are in `unit`, as PostgreSQL prints them. */
export interface Parameter {
  name: string;
  context: Context;
  type: "bool" | "integer" | "real" | "string" | "enum";
  unit?: string;
  min?: string;
  max?: string;
  values?: string[];
  /** What the server uses when no file says otherwise (boot_val); absent when it is computed or has none. */
  default?: string;
}

export type Value = string | number | boolean;

/** What has to happen for a new value in postgresql.conf to take effect. */
export type ApplyMode = "restart" | "reload" | "new connections";

export const postgresqlVersion: string = catalogue.postgresql;
export const parameters = catalogue.parameters as readonly Parameter[];

const byName = new Map(parameters.map((parameter) => [parameter.name.toLowerCase(), parameter]));

/** Classes of parameters, the part before the dot, of libraries in the image: each knows all of its own. */
const classes = new Set(parameters.flatMap(({ name }) => (name.includes(".") ? [classOf(name)] : [])));
function classOf(name: string): string {
  return name.toLowerCase().split(".")[0] ?? "";
}

const customName = /^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)+$/;

/** Is it a parameter that no library of the image has? PostgreSQL keeps any text in it, for functions and policies, or for a library that is added. */
export const isCustom = (name: string): boolean => customName.test(name.toLowerCase()) && !classes.has(classOf(name));

const customParameter = (name: string): Parameter => ({ name: name.toLowerCase(), context: "user", type: "string" });

/** The parameter of that name, whatever its case: PostgreSQL compares names without it. */
export function findParameter(name: string): Parameter | undefined {
  return byName.get(name.toLowerCase()) ?? (isCustom(name) ? customParameter(name) : undefined);
}

/** Classes of the image that a person may have meant by the one of a custom parameter. */
export const nearClasses = (name: string): string[] => (isCustom(name) ? nearest(classOf(name), classes) : []);

/** What is wrong with a setting of the stack file, in one sentence, or undefined: checkValue, and nothing that pgwright manages. */
export function checkSetting(name: string, value: Value): string | undefined {
  const why = whyManaged(name.toLowerCase());
  if (why !== undefined) return `${show(name, value)}: pgwright sets ${name.toLowerCase()} itself: ${why}`;
  return checkValue(name, value);
}

/** What PostgreSQL would say against `value`, in one sentence with what is allowed, or undefined if it takes it. */
export function checkValue(name: string, value: Value): string | undefined {
  const parameter = findParameter(name);
  if (parameter === undefined) return `${show(name, value)}: ${unknownName(name)}`;
  if (parameter.context === "internal") {
    return `${show(name, value)}: ${parameter.name} is a property of the build or the cluster, which no setting changes`;
  }
  const read = readValue(parameter, value);
  return "problem" in read ? `${show(name, value)}: ${read.problem}` : undefined;
}

/**
 * The form of `value` that pg_settings.setting shows for it: numbers in the parameter's unit, on or off, an enum as
 * PostgreSQL spells it; so that "1GB", "1024MB" and 131072 blocks are equal. Throws on a value that checkValue refuses.
 *
 * Where the server shows something else by design, see shownOtherwise; time zones are compared as they are written.
 */
export function canonicalValue(name: string, value: Value): string {
  const parameter = findParameter(name);
  if (parameter === undefined) throw new Error(`${show(name, value)}: ${unknownName(name)}`);
  const read = readValue(parameter, value);
  if ("problem" in read) throw new Error(`${show(name, value)}: ${read.problem}`);
  return read.canonical;
}

/**
 * Does a running server that took `value` from its file show another one in pg_settings? It does for values that stand for
 * "choose for me", for keepalives in a session over the socket, and for an archive command that is out of use.
 */
export function shownOtherwise(name: string, value: Value): boolean {
  switch (name.toLowerCase()) {
    case "wal_buffers":
      return Number(canonicalValue(name, value)) < 4;
    case "commit_timestamp_buffers":
    case "subtransaction_buffers":
    case "transaction_buffers":
      return canonicalValue(name, value) === "0";
    case "archive_command":
    case "tcp_keepalives_count":
    case "tcp_keepalives_idle":
    case "tcp_keepalives_interval":
    case "tcp_user_timeout":
      return true;
    default:
      return false;
  }
}

// They are of context user or superuser, but read only once, when a session starts.
const readAtSessionStart = new Set(["local_preload_libraries", "session_preload_libraries"]);

/**
 * How a new value in postgresql.conf takes effect. Parameters that a session may change for itself (contexts user and
 * superuser) count as "reload": running sessions follow the file unless they, their role or their database set another value.
 */
export function applyModeOf(name: string): ApplyMode {
  const parameter = findParameter(name);
  if (parameter === undefined) throw new Error(`"${name}": ${unknownName(name)}`);
  if (readAtSessionStart.has(parameter.name)) return "new connections";
  switch (parameter.context) {
    case "postmaster":
      return "restart";
    case "superuser-backend":
    case "backend":
      return "new connections";
    case "sighup":
    case "superuser":
    case "user":
      return "reload";
    case "internal":
      throw new Error(`"${name}" cannot be set`);
  }
}

/** Libraries that work only if the postmaster loads them, by the prefix of their parameters. */
const preloaded = new Map([
  ["auth_delay", "auth_delay"],
  ["cron", "pg_cron"],
  ["pg_partman_bgw", "pg_partman_bgw"],
  ["pg_prewarm", "pg_prewarm"],
  ["pg_stat_statements", "pg_stat_statements"],
  ["pgaudit", "pgaudit"],
]);

/** The library that must be in shared_preload_libraries for the parameter to mean anything, if there is one. */
export const preloadLibraryOf = (name: string): string | undefined => preloaded.get(classOf(name));

const show = (name: string, value: Value): string => `${name} = ${JSON.stringify(value)}`;

function unknownName(name: string): string {
  const elsewhere = whyOtherVersion(name.toLowerCase());
  if (elsewhere !== undefined) return `PostgreSQL 17 has no parameter ${name.toLowerCase()}: ${elsewhere}`;
  const near = nearest(
    name,
    parameters.filter((parameter) => parameter.context !== "internal").map((parameter) => parameter.name),
  );
  const hint = near.length > 0 ? `; did you mean ${near.join(" or ")}?` : "";
  if (name.includes(".") && !classes.has(classOf(name)) && hint === "")
    return "each part of the name of a parameter has letters a to z, digits, _ and $, and begins with a letter or _";
  return `neither PostgreSQL 17 nor an extension of the image has a parameter ${JSON.stringify(name)}${hint}`;
}

type Read = { canonical: string } | { problem: string };

function readValue(parameter: Parameter, value: Value): Read {
  const text = String(value);
  // A newline cannot be written in postgresql.conf as such, and hides what follows it in a review.
  if (/[\n\r\0]/.test(text)) return { problem: "a value must not contain a line break or a NUL character" };
  switch (parameter.type) {
    case "bool":
      return readBool(text);
    case "enum":
      return readEnum(parameter, text);
    case "integer":
    case "real":
      return readNumber(parameter, parameter.type, text);
    case "string":
      return { canonical: text };
  }
}

/** parse_bool in src/backend/utils/adt/bool.c: prefixes count, and "o" alone is neither on nor off. */
function readBool(text: string): Read {
  const word = text.toLowerCase();
  if (word !== "") {
    if ("true".startsWith(word) || "yes".startsWith(word) || word === "on" || word === "1") return { canonical: "on" };
    if ("false".startsWith(word) || "no".startsWith(word) || word === "of" || word === "off" || word === "0") {
      return { canonical: "off" };
    }
  }
  return { problem: "it takes on or off (or true, false, yes, no, 1, 0)" };
}

const onWords = new Set(["true", "yes", "1"]);
const offWords = new Set(["false", "no", "0"]);

/** Spellings that PostgreSQL takes but does not list in enumvals (the "hidden" ones of guc_tables.c), and what they become. */
function hiddenSpelling(parameter: Parameter, word: string): string {
  const values = parameter.values ?? [];
  if (parameter.name === "wal_level" && (word === "archive" || word === "hot_standby")) return "replica";
  if (word === "debug" && values.includes("debug2")) return "debug2";
  if (values.includes("on") && values.includes("off")) {
    if (onWords.has(word)) return "on";
    if (offWords.has(word)) return "off";
  }
  return word;
}

function readEnum(parameter: Parameter, text: string): Read {
  const word = hiddenSpelling(parameter, text.toLowerCase());
  const canonical = parameter.values?.find((candidate) => candidate.toLowerCase() === word);
  if (canonical === undefined) {
    const allowed = (parameter.values ?? []).map((allowedValue) => (allowedValue === "" ? '""' : allowedValue));
    return { problem: `it takes one of ${allowed.join(", ")}` };
  }
  // "on" is an old name of the first method; the server shows the method.
  return { canonical: parameter.name === "wal_compression" && canonical === "on" ? "pglz" : canonical };
}

// The server shows these as the modes of files that they are (show_log_file_mode and its like).
const shownInOctal = new Set(["log_file_mode", "unix_socket_permissions", "data_directory_mode"]);

function readNumber(parameter: Parameter, type: "integer" | "real", text: string): Read {
  const { name, unit, min, max } = parameter;
  const what = type === "integer" ? "a whole number" : "a number";
  const units = unit === undefined ? "" : `; units: ${unitsFor(unit).join(", ")} (case matters)`;
  const quantity = parseQuantity(text, type, unit);
  if ("problem" in quantity) {
    if (quantity.problem === "no unit allowed") return { problem: `it takes ${what} without a unit` };
    if (quantity.problem === "unknown unit") return { problem: `PostgreSQL does not know that unit${units}` };
    return { problem: `it takes ${what}${units}` };
  }
  const { value } = quantity;
  if ((min !== undefined && value < Number(min)) || (max !== undefined && value > Number(max))) {
    const range = `${formatQuantity(Number(min), unit)} to ${formatQuantity(Number(max), unit)}`;
    const counted = unit === undefined ? "" : ` (a number without a unit counts ${unit})`;
    return { problem: `it is outside the range of ${name}, ${range}${counted}` };
  }
  if (shownInOctal.has(name)) return { canonical: value.toString(8).padStart(4, "0") };
  return { canonical: type === "integer" ? String(value === 0 ? 0 : value) : formatReal(value) };
}

/** C's %g, with which PostgreSQL shows numbers that are not whole: six significant digits. */
function formatReal(value: number): string {
  if (value === 0) return "0";
  const [mantissa = "", power = "0"] = value.toExponential(5).split("e");
  const exponent = Number(power);
  const plain = (digits: string): string => (digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits);
  if (exponent >= -4 && exponent < 6) return plain(value.toFixed(5 - exponent));
  const sign = exponent < 0 ? "-" : "+";
  return `${plain(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}
