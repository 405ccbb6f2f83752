import { parseArgs } from "node:util";
import { ensureEngine } from "../../toolchain/docker";
import type { Invocation } from "../main";
import { log, Project } from "../project";
import { repairInterrupted } from "../repair";
import { refreshFlags } from "../server";

const USAGE =
  "npm run restore -- --time TIME | --name POINT | --lsn LSN | --backup LABEL | --latest   the server goes back to that\n" +
  "npm run restore -- --accept                                                             the data from before is removed";

/** What the arguments ask for: the keys of restoreFrom, or "accept". */
export function restoreRequest(args: string[]): Record<string, string> | "accept" {
  const options = { time: {}, name: {}, lsn: {}, backup: {}, latest: {}, accept: {} };
  const types = Object.fromEntries(
    Object.keys(options).map((name) => [
      name,
      { type: ["latest", "accept"].includes(name) ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  const { values } = parseArgs({ args, options: types, strict: true });
  const { latest, accept, ...target } = values;
  const given = Object.keys(values).length;
  if (given === 0 || ((latest || accept) && given > 1)) throw new Error(USAGE);
  return accept ? "accept" : (target as Record<string, string>);
}

/**
 * `npm run restore`: writes the target into the stack file and brings the server there. The restored data is made and checked
 * beside the server's own, which is kept until `--accept`.
 */
export async function restore({ stack, args }: Invocation): Promise<number> {
  const request = restoreRequest(args);
  await ensureEngine({ log });
  const project = await Project.open(stack);
  await project.ensureStack(stack);
  await repairInterrupted(project, stack);
  const config = (...command: string[]) => project.run(["config", ...command, "--stack", stack]);
  await config("rm", "pgwright:restoreFrom");
  if (request !== "accept") {
    await config("set", "--path", "pgwright:restoreFrom.inPlace", "true");
    for (const [key, value] of Object.entries(request))
      await config("set", "--path", `pgwright:restoreFrom.${key}`, "--type", "string", "--", value);
  }
  const flags = await refreshFlags(stack);
  return project.run(["up", "--stack", stack, "--yes", "--skip-preview", ...flags]);
}
