import { isMap, isScalar, parse, parseDocument, YAMLMap, type Document } from "yaml";

/** What an ephemeral stack has of its own. */
export interface Derivation {
  /** When the stack may be removed, in UTC. */
  expires: string;
  port: number;
  /** As in the stack file if absent. */
  durable?: boolean;
  /** Belongs to the secrets that the stack has already; wins over none. */
  salt?: string;
}

/** Keys that keep something beyond the stack. */
const LEFT_OUT = ["protect", "backup", "backupPassphrase", "backupS3"];

/** The stack file of an ephemeral stack, made from another one, and the keys that it does not take along. */
export function derive(
  text: string,
  { expires, port, durable, salt }: Derivation,
): { text: string; leftOut: string[] } {
  const document = parseDocument(text);
  if (document.errors[0]) throw document.errors[0];
  const top = mapAt(document);
  const config = mapAt(document, "config");
  const server = mapAt(document, "config", "pgwright:server");
  const ephemeral = mapAt(document, "config", "pgwright:ephemeral");

  const keys = LEFT_OUT.map((key) => `pgwright:${key}`).filter((key) => config.has(key));
  const leftOut = keys.filter((key) => config.get(key) !== false).map((key) => key.slice("pgwright:".length));
  for (const key of keys) config.delete(key);
  server.set("port", port);
  ephemeral.set("expires", expires);
  if (durable !== undefined) ephemeral.set("durable", durable);
  if (salt !== undefined && !top.has("encryptionsalt")) top.set("encryptionsalt", salt);
  // In quotes: what looks like a date or a number is a text.
  const written = document.toString({ lineWidth: 0, defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" });
  return { text: written, leftOut };
}

/** The map at a path, made where there is nothing. */
function mapAt(document: Document, ...path: string[]): YAMLMap {
  const there = path.length > 0 ? document.getIn(path, true) : document.contents;
  if (isMap(there)) return there as YAMLMap;
  const isEmpty = there === null || there === undefined || (isScalar(there) && there.value === null);
  if (!isEmpty) throw new Error(`${path.at(-1) ?? "a stack file"} has to be a map`);
  const made = new YAMLMap(document.schema);
  if (path.length > 0) document.setIn(path, made);
  else document.contents = made;
  return made;
}

/** Are there secrets in a stack file that only its own stack can decrypt? */
export const hasForeignSecrets = (text: string): boolean =>
  hasSecrets(text) && !/^(encryptionsalt|encryptedkey):/m.test(text);

export const hasSecrets = (text: string): boolean => holdsSecret(parse(text));

/** Pulumi writes a secret as a map with one key. */
function holdsSecret(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(
    ([key, each]) => (key === "secure" && typeof each === "string") || holdsSecret(each),
  );
}
