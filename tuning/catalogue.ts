/** The parameters of PostgreSQL 17 and of the extensions in the image: names, allowed values, and how a change takes effect. */
import catalogue from "./parameters.json";
import { whyManaged, whyOtherVersion } from "./managed";
import { nearest } from "./nearest";
import { formatQuantity, parseQuantity, unitsFor } from "./units";

export type Context = "internal" | "postmaster" | "sighup" | "superuser-backend" | "backend" | "superuser" | "user";

/** A row of pg_settings in the image; see extract.ts. Bounds and default are in `unit`, in PostgreSQL's notation. */
export interface Parameter {
  name: string;
  context: Context;
  type: "bool" | "integer" | "real" | "string" | "enum";
  unit?: string;
  min?: string;
  max?: string;
  values?: string[];
  /** Value of the server without a setting (boot_val); absent if the server computes it or there is none. */
  default?: string;
}

export type Value = string | number | boolean;

/** How a new value in postgresql.conf takes effect. */
export type ApplyMode = "restart" | "reload" | "new connections";

export const postgresqlVersion: string = catalogue.postgresql;
export const parameters = catalogue.parameters as readonly Parameter[];

const byName = new Map(parameters.map((parameter) => [parameter.name.toLowerCase(), parameter]));

/** Classes of parameters (the part before the dot) of the libraries in the image. The catalogue is complete for each. */
const classes = new Set(parameters.flatMap(({ name }) => (name.includes(".") ? [classOf(name)] : [])));
function classOf(name: string): string {
  return name.toLowerCase().split(".")[0] ?? "";
}

const customName = /^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)+$/;

/** True for a customized option of no library in the image. It accepts any string, for functions, policies or an added library. */
export const isCustom = (name: string): boolean => customName.test(name.toLowerCase()) && !classes.has(classOf(name));

const customParameter = (name: string): Parameter => ({ name: name.toLowerCase(), context: "user", type: "string" });

/** Finds a parameter by its name. PostgreSQL compares names without regard to case. */
export function findParameter(name: string): Parameter | undefined {
  return byName.get(name.toLowerCase()) ?? (isCustom(name) ? customParameter(name) : undefined);
}

/** Classes in the image with a name similar to the class of a custom parameter. */
export const nearClasses = (name: string): string[] => (isCustom(name) ? nearest(classOf(name), classes) : []);

/** As checkValue; additionally refuses parameters that pgwright sets itself. */
export function checkSetting(name: string, value: Value): string | undefined {
  const why = whyManaged(name.toLowerCase());
  if (why !== undefined) return `${show(name, value)}: pgwright sets ${name.toLowerCase()} itself: ${why}`;
  return checkValue(name, value);
}

/** Describes why PostgreSQL would refuse `value`, and what is allowed; undefined if it accepts it. */
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
 * The form of `value` in pg_settings.setting: numbers in the parameter's unit, on or off, an enum in PostgreSQL's spelling. So
 * "1GB", "1024MB" and 131072 blocks are equal. Throws for a value that checkValue refuses.
 *
 * For parameters that the server reports with another value, see isComputedByServer. Names of time zones are not normalised.
 */
export function canonicalValue(name: string, value: Value): string {
  const parameter = findParameter(name);
  if (parameter === undefined) throw new Error(`${show(name, value)}: ${unknownName(name)}`);
  const read = readValue(parameter, value);
  if ("problem" in read) throw new Error(`${show(name, value)}: ${read.problem}`);
  return read.canonical;
}

/**
 * True if pg_settings of a running server shows another value than `value` in its file: for values that let the server choose,
 * for keepalives in a session over the socket, and for an archive command that is not used.
 */
export function isComputedByServer(name: string, value: Value): boolean {
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

// Their context is user or superuser, but the server reads them only at the start of a session.
const readAtSessionStart = new Set(["local_preload_libraries", "session_preload_libraries"]);

/**
 * How a new value in postgresql.conf takes effect. Contexts user and superuser count as "reload": a reload changes the value in
 * running sessions too, unless the session, its role or its database sets another one.
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

/** Libraries that must be in shared_preload_libraries, by the class of their parameters. */
const preloaded = new Map([
  ["auth_delay", "auth_delay"],
  ["cron", "pg_cron"],
  ["pg_partman_bgw", "pg_partman_bgw"],
  ["pg_prewarm", "pg_prewarm"],
  ["pg_stat_statements", "pg_stat_statements"],
  ["pgaudit", "pgaudit"],
]);

/** The library that must be in shared_preload_libraries for a parameter to have an effect; undefined if there is none. */
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
    return "not a parameter name; each part has letters a to z, digits, _ and $, and begins with a letter or _";
  return `neither PostgreSQL 17 nor an extension of the image has a parameter ${JSON.stringify(name)}${hint}`;
}

type Read = { canonical: string } | { problem: string };

function readValue(parameter: Parameter, value: Value): Read {
  const text = String(value);
  // postgresql.conf cannot contain a line break in a value, and a review would overlook the text after it.
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

/** As parse_bool in src/backend/utils/adt/bool.c: accepts prefixes, but not "o". */
function readBool(text: string): Read {
  const lower = text.toLowerCase();
  if (lower !== "") {
    if ("true".startsWith(lower) || "yes".startsWith(lower) || lower === "on" || lower === "1")
      return { canonical: "on" };
    if ("false".startsWith(lower) || "no".startsWith(lower) || lower === "of" || lower === "off" || lower === "0") {
      return { canonical: "off" };
    }
  }
  return { problem: "must be on or off (or true, false, yes, no, 1, 0)" };
}

const onSpellings = new Set(["true", "yes", "1"]);
const offSpellings = new Set(["false", "no", "0"]);

/** Resolves spellings that PostgreSQL accepts but does not list in enumvals (the hidden ones of guc_tables.c). */
function resolveHiddenSpelling(parameter: Parameter, spelling: string): string {
  const values = parameter.values ?? [];
  if (parameter.name === "wal_level" && (spelling === "archive" || spelling === "hot_standby")) return "replica";
  if (spelling === "debug" && values.includes("debug2")) return "debug2";
  if (values.includes("on") && values.includes("off")) {
    if (onSpellings.has(spelling)) return "on";
    if (offSpellings.has(spelling)) return "off";
  }
  return spelling;
}

function readEnum(parameter: Parameter, text: string): Read {
  const spelling = resolveHiddenSpelling(parameter, text.toLowerCase());
  const canonical = parameter.values?.find((candidate) => candidate.toLowerCase() === spelling);
  if (canonical === undefined) {
    const allowed = (parameter.values ?? []).map((allowedValue) => (allowedValue === "" ? '""' : allowedValue));
    return { problem: `must be one of ${allowed.join(", ")}` };
  }
  // "on" is an old name of the first method; the server shows the method.
  return { canonical: parameter.name === "wal_compression" && canonical === "on" ? "pglz" : canonical };
}

// The server shows these file modes in octal (show_log_file_mode and similar functions).
const shownInOctal = new Set(["log_file_mode", "unix_socket_permissions", "data_directory_mode"]);

function readNumber(parameter: Parameter, type: "integer" | "real", text: string): Read {
  const { name, unit, min, max } = parameter;
  const what = type === "integer" ? "a whole number" : "a number";
  const units = unit === undefined ? "" : `; units: ${unitsFor(unit).join(", ")} (case matters)`;
  const quantity = parseQuantity(text, type, unit);
  if ("problem" in quantity) {
    if (quantity.problem === "no unit allowed") return { problem: `must be ${what} without a unit` };
    if (quantity.problem === "unknown unit") return { problem: `unknown unit${units}` };
    return { problem: `must be ${what}${units}` };
  }
  const { value } = quantity;
  if ((min !== undefined && value < Number(min)) || (max !== undefined && value > Number(max))) {
    const range = `${formatQuantity(Number(min), unit)} to ${formatQuantity(Number(max), unit)}`;
    const counted = unit === undefined ? "" : ` (a number without a unit is in units of ${unit})`;
    return { problem: `outside the range of ${name}, ${range}${counted}` };
  }
  if (shownInOctal.has(name)) return { canonical: value.toString(8).padStart(4, "0") };
  return { canonical: type === "integer" ? String(value === 0 ? 0 : value) : formatReal(value) };
}

/** Formats a real as PostgreSQL does, with C's %g: six significant digits. */
function formatReal(value: number): string {
  if (value === 0) return "0";
  const [mantissa = "", power = "0"] = value.toExponential(5).split("e");
  const exponent = Number(power);
  const plain = (digits: string): string => (digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits);
  if (exponent >= -4 && exponent < 6) return plain(value.toFixed(5 - exponent));
  const sign = exponent < 0 ? "-" : "+";
  return `${plain(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}
