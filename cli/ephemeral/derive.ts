import { isMap, isScalar, parse, parseDocument, YAMLMap, type Document } from "yaml";

/** Values that an ephemeral stack does not take from another stack file. */
export interface Derivation {
  /** When the stack may be removed, in UTC. */
  expires: string;
  port: number;
  /** As in the stack file if absent. */
  durable?: boolean;
  /** The salt of the stack's existing secrets; ignored if the stack file has its own. */
  salt?: string;
}

/** Keys that would protect the stack or keep data after its removal. */
const IGNORED_KEYS = ["protect", "backup", "backupPassphrase", "backupS3"];

/** Derives the stack file of an ephemeral stack from another one. `ignoredKeys`: the keys of that file that are dropped. */
export function derive(
  text: string,
  { expires, port, durable, salt }: Derivation,
): { text: string; ignoredKeys: string[] } {
  const document = parseDocument(text);
  if (document.errors[0]) throw document.errors[0];
  const top = mapAt(document);
  const config = mapAt(document, "config");
  const server = mapAt(document, "config", "pgwright:server");
  const ephemeral = mapAt(document, "config", "pgwright:ephemeral");

  const keys = IGNORED_KEYS.map((key) => `pgwright:${key}`).filter((key) => config.has(key));
  const ignoredKeys = keys.filter((key) => config.get(key) !== false).map((key) => key.slice("pgwright:".length));
  for (const key of keys) config.delete(key);
  server.set("port", port);
  ephemeral.set("expires", expires);
  if (durable !== undefined) ephemeral.set("durable", durable);
  if (salt !== undefined && !top.has("encryptionsalt")) top.set("encryptionsalt", salt);
  // Quoted, so that a text that looks like a date or a number stays a text.
  const written = document.toString({ lineWidth: 0, defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" });
  return { text: written, ignoredKeys };
}

/** The map at a path; created if absent. Throws if the value is not a map. */
function mapAt(document: Document, ...path: string[]): YAMLMap {
  const there = path.length > 0 ? document.getIn(path, true) : document.contents;
  if (isMap(there)) return there as YAMLMap;
  const isEmpty = there === null || there === undefined || (isScalar(there) && there.value === null);
  if (!isEmpty) throw new Error(`${path.at(-1) ?? "stack file"}: not a map; write keys with values`);
  const created = new YAMLMap(document.schema);
  if (path.length > 0) document.setIn(path, created);
  else document.contents = created;
  return created;
}

/** Whether a stack file holds secrets that only its own stack can decrypt. */
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
