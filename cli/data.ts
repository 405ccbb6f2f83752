import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { isMap, parse, parseDocument } from "yaml";
import { pathInside } from "../config/data-file";

// `--data FOLDER`: previews the stack file and the SQL of another checkout with the code of this one.

type Keys = Record<string, unknown>;

/** Keys that decide where a preview connects, which plugins it configures and which secrets it decrypts: only this checkout sets them. */
function fixed(text: string): Keys {
  const { config, ...others } = (parse(text) ?? {}) as { config?: Keys };
  const keys = Object.entries(config ?? {}).filter(([key]) => !/^pgwright:\w+$/.test(key) || key === "pgwright:engine");
  return { ...others, ...Object.fromEntries(keys.map(([key, value]) => [`config.${key}`, value])) };
}

/** The text of a stack file with a salt, if it has none. */
function withSalt(text: string, salt: unknown): string {
  const document = parseDocument(text);
  if (salt === undefined || document.has("encryptionsalt")) return text;
  // In a file of one flow mapping, such as JSON, a line at the end is not part of it.
  if (!isMap(document.contents) || !document.contents.flow)
    return `${text.trimEnd()}\nencryptionsalt: ${String(salt)}\n`;
  document.set("encryptionsalt", salt);
  return document.toString();
}

/** The proposed stack file, with the salt of this checkout's if it has none. Throws if they differ in a key that is not pgwright's. */
export function proposedStackFile(here: string, proposed: string): string {
  const { encryptionsalt: salt } = (parse(here) ?? {}) as Keys;
  const whole = withSalt(proposed, salt);
  const [a, b] = [fixed(here), fixed(whole)];
  const [key] = Object.keys({ ...a, ...b }).filter((each) => !isDeepStrictEqual(a[each], b[each]));
  if (key === undefined) return whole;
  throw new Error(
    `--data: ${key} of the proposed stack file differs from this checkout's; only keys of pgwright except engine may differ`,
  );
}

export const readProposed = (here: string, data: string, file: string): string =>
  proposedStackFile(readFileSync(here, "utf8"), readFileSync(pathInside(data, file), "utf8"));
