import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { parse } from "yaml";
import { pathInside } from "../config/data-file";

// `--data FOLDER`: a preview of the stack file and the SQL of another checkout, by the code of this one.

/** Takes `--data FOLDER` out of arguments. */
export function takeData(args: string[]): { data?: string; rest: string[] } {
  const i = args.findIndex((arg) => arg === "--data" || arg.startsWith("--data="));
  if (i < 0) return { rest: args };
  const [flag = "", next] = args.slice(i, i + 2);
  const data = flag.includes("=") ? flag.slice("--data=".length) : next;
  if (!data || data.startsWith("--")) throw new Error("--data: name the folder of a checkout");
  return { data, rest: args.filter((_, j) => j !== i && (flag.includes("=") || j !== i + 1)) };
}

type Keys = Record<string, unknown>;

/** What decides where a preview connects, which plugins it configures and which secrets it opens: it comes with the code. */
function fixed(text: string): Keys {
  const { config, ...others } = (parse(text) ?? {}) as { config?: Keys };
  const keys = Object.entries(config ?? {}).filter(([key]) => !/^pgwright:\w+$/.test(key) || key === "pgwright:engine");
  return { ...others, ...Object.fromEntries(keys.map(([key, value]) => [`config.${key}`, value])) };
}

const SALT = /^encryptionsalt:.*$/m;

/** The stack file of a pull request, as Pulumi may use it; refuses what differs from the one here beside the keys of pgwright. */
export function proposedStackFile(here: string, proposed: string): string {
  const salt = SALT.exec(here)?.[0];
  const whole = salt && !SALT.test(proposed) ? `${proposed.trimEnd()}\n${salt}\n` : proposed;
  const [a, b] = [fixed(here), fixed(whole)];
  const [key] = Object.keys({ ...a, ...b }).filter((each) => !isDeepStrictEqual(a[each], b[each]));
  if (key === undefined) return whole;
  throw new Error(
    `--data: the stack file there has another ${key} than the one here; only keys of pgwright may differ, engine excepted`,
  );
}

export const readProposed = (here: string, data: string, file: string): string =>
  proposedStackFile(readFileSync(here, "utf8"), readFileSync(pathInside(data, file), "utf8"));
