/** Writes postgresql.conf so that the server reads the exact values, and parses it as the server does. */
import type { Setting } from "./defaults";

const header = [
  "# Written by pgwright from the stack file. The next 'pulumi up' overwrites changes in this file:",
  "# declare them under server.settings of the stack file.",
];

const namePattern = /^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*$/;

/** Sorted by name, so that equal settings give equal text. All values are quoted, so that none is read as a comment. */
export function renderPostgresqlConf(settings: readonly Setting[]): string {
  const sorted = [...settings].sort((a, b) => compare(a.name.toLowerCase(), b.name.toLowerCase()));
  sorted.forEach((setting, index) => {
    if (!namePattern.test(setting.name)) throw new Error(`${JSON.stringify(setting.name)} is not a parameter name`);
    if (sorted[index + 1]?.name.toLowerCase() === setting.name.toLowerCase()) {
      throw new Error(`${setting.name} is set twice, and the server would use the last value without a warning`);
    }
  });
  const lines = sorted.flatMap(({ name, value, reason }) => [
    "",
    ...comment(reason),
    `${name} = ${quote(name, value)}`,
  ]);
  return [...header, ...lines, ""].join("\n");
}

// Not localeCompare: the order must not depend on the machine's language.
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function comment(reason: string): string[] {
  const text = reason.replace(/\s+/g, " ").replaceAll("\0", "").trim();
  return text === "" ? [] : [`# ${text}`];
}

const escapes: Record<string, string> = {
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\\": "\\\\",
  "'": "''",
};

/** The inverse of DeescapeQuotedString in src/backend/utils/misc/guc-file.l. */
function quote(name: string, value: string): string {
  if (value.includes("\0")) throw new Error(`${name}: a value cannot contain a NUL character`);
  return `'${value.replace(/[\b\f\n\r\t\\']/g, (character) => escapes[character]!)}'`;
}

const unescapes: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(/''|\\([0-7]{1,3})|\\([^])/gu, (whole, code?: string, character?: string) => {
    if (whole === "''") return "'";
    if (code !== undefined) return String.fromCharCode(parseInt(code, 8) & 0xff);
    return unescapes[character!] ?? character!;
  });
}

// The tokens of guc-file.l: a name, an optional "=", a value in quotes or without, a comment.
const settingLine =
  /^\s*([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*(?:\.[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)*)(?:\s*=\s*|\s+|(?='))('(?:[^'\\]|\\[^]|'')*'|[^\s'#=]+)\s*(?:#.*)?$/u;

/**
 * The settings of a postgresql.conf by lower-case name; the last of each counts, as for the server. Throws for a line that the server
 * would refuse, and for an include directive, because the included file is not available here.
 */
export function parsePostgresqlConf(text: string): Map<string, string> {
  const found = new Map<string, string>();
  text.split("\n").forEach((line, index) => {
    if (/^\s*(#.*)?$/.test(line)) return;
    const match = settingLine.exec(line);
    const name = match?.[1]?.toLowerCase();
    if (match === null || name === undefined || /^include(_dir|_if_exists)?$/.test(name)) {
      throw new Error(`line ${index + 1} of postgresql.conf is not "name = value": ${line.trim()}`);
    }
    const value = match[2]!;
    found.set(name, value.startsWith("'") ? unquote(value) : value);
  });
  return found;
}
