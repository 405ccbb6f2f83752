import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parseDocument } from "yaml";
import type { Invocation } from "../invocation";
import { log } from "../print";
import { stackFile } from "../server";
import { bringUp } from "./up";

const USAGE =
  "npm run restore -- --time TIME | --name POINT | --lsn LSN | --backup LABEL | --latest   the server goes back to that\n" +
  "npm run restore -- --accept                                                             the data from before is removed";

/** What the arguments ask for: the keys of restoreFrom, or "accept". */
export function restoreRequest(args: string[]): Record<string, string> | "accept" {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = { time: text, name: text, lsn: text, backup: text, latest: flag, accept: flag };
  const { values } = parseArgs({ args, options, strict: true });
  const { latest, accept, ...target } = values;
  const given = Object.keys(values).length;
  if (given === 0 || ((latest || accept) && given > 1)) throw new Error(USAGE);
  return accept ? "accept" : (target as Record<string, string>);
}

/** Writes restoreFrom into a stack file, or takes it out; all else in it stays as it is, comments too. */
export function withRestore(text: string, request: Record<string, string> | "accept"): string {
  const document = parseDocument(text);
  const path = ["config", "pgwright:restoreFrom"];
  if (request === "accept") document.deleteIn(path);
  else document.setIn(path, { inPlace: true, ...request });
  // In quotes: what looks like a date or a number is a text.
  return document.toString({ lineWidth: 0, defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" });
}

/**
 * `npm run restore`: writes the target into the stack file and brings the server there. The restored data is made and checked
 * beside the server's own, which is kept until `--accept`.
 */
export async function restore({ stack, args }: Invocation): Promise<number> {
  const request = restoreRequest(args);
  const file = stackFile(stack);
  if (!existsSync(file)) throw new Error(`there is no stack file ${file}`);
  writeFileSync(file, withRestore(readFileSync(file, "utf8"), request));
  const { code } = await bringUp(stack);
  if (code !== 0) {
    log(
      "",
      `restoreFrom stands in ${file}: mend what is wrong and run the same again, or take it out before the next up, if the ` +
        "server did not get as far as the restored data",
    );
  } else if (request !== "accept") {
    log("", "The data from before is kept until you run: npm run restore -- --accept");
  }
  return code;
}
