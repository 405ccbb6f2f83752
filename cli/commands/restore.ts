import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseDocument } from "yaml";
import type { Invocation, RESTORE, Values } from "../options";
import { log } from "../print";
import { stackFile, stackOption } from "../server";
import { bringUp } from "./up";

/** The keys of restoreFrom, or "accept"; throws if the options are not exactly one of these. */
export function restoreRequest(options: Values<typeof RESTORE>): Record<string, string> | "accept" {
  const { latest, accept, ...target } = options;
  const given = Object.keys(options).length;
  if (given === 0 || ((latest || accept) && given > 1))
    throw new Error("restore: give a target (--time, --name, --lsn or --backup), or --latest, or --accept alone");
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
export async function restore({ stack, options }: Invocation<typeof RESTORE>): Promise<number> {
  const request = restoreRequest(options);
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
    log("", `the data from before the restore is kept; to remove it: npm run restore -- --accept${stackOption(stack)}`);
  }
  return code;
}
