import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parseDocument } from "yaml";
import type { Invocation } from "../invocation";
import { log } from "../print";
import { stackFile } from "../server";
import { bringUp } from "./up";

const USAGE =
  "npm run restore -- --time TIME | --name POINT | --lsn LSN | --backup LABEL | --latest   restores the server to that point\n" +
  "npm run restore -- --accept                                                             removes the data from before the restore";

/** Parses the arguments: the keys of restoreFrom, or "accept". Throws the usage if they are not exactly one of these. */
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

/** Writes restoreFrom into the text of a stack file, or removes it; everything else stays, comments included. */
export function withRestore(text: string, request: Record<string, string> | "accept"): string {
  const document = parseDocument(text);
  const path = ["config", "pgwright:restoreFrom"];
  if (request === "accept") document.deleteIn(path);
  else document.setIn(path, { inPlace: true, ...request });
  // Quoted, so that a text that looks like a date or a number stays a text.
  return document.toString({ lineWidth: 0, defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" });
}

/**
 * `npm run restore`: writes the target into the stack file and updates the stack. The data is restored and checked beside the
 * server's current data, which is kept until `--accept`.
 */
export async function restore({ stack, args }: Invocation): Promise<number> {
  const request = restoreRequest(args);
  const file = stackFile(stack);
  if (!existsSync(file)) throw new Error(`stack file ${file} does not exist`);
  writeFileSync(file, withRestore(readFileSync(file, "utf8"), request));
  const { code } = await bringUp(stack);
  if (code !== 0) {
    log(
      "",
      `${file}: has restoreFrom, but the update failed; correct the cause and run the same command again, or, if the server does not ` +
        "have the restored data yet, remove restoreFrom before the next update",
    );
  } else if (request !== "accept") {
    log("", "the data from before the restore is kept; to remove it: npm run restore -- --accept");
  }
  return code;
}
