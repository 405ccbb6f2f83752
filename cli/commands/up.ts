import { changesAnything } from "../../report/events";
import { errorText, makeReport } from "../../report/report";
import type { Invocation } from "../options";
import { log } from "../print";
import { Project } from "../project";
import { openForChange } from "../recover";
import { observeRefreshed } from "../refreshed";
import { refreshFlags } from "../server";
import { printSummary } from "../summary";
import type { Stdout } from "../terminal";

/**
 * Updates a stack to what its stack file declares. A preview runs first: if it fails, the update does not start; if it finds no
 * change, no update is needed. `stdout`: the destination of Pulumi's output.
 */
export async function bringUp(
  stack: string,
  args: string[] = [],
  stdout: Stdout = "inherit",
): Promise<{ project: Project; code: number }> {
  const project = await openForChange(stack);
  const refresh = await refreshFlags(stack);
  const flags = ["--stack", stack];
  // Only an update takes some arguments (--plan): then Pulumi runs its own preview.
  if (args.length > 0)
    return { project, code: await project.run(["up", "--yes", ...flags, ...refresh, ...args], {}, stdout) };
  const {
    code: refused,
    events,
    ...seen
  } = await observeRefreshed(project, ["preview", ...flags], refresh, { stdout });
  if (refused !== 0) {
    log("", ...makeReport(stack, events).errors.map(errorText), "the preview failed; nothing was changed");
    return { project, code: refused };
  }
  if (!changesAnything(events)) return { project, code: 0 };
  return { project, code: await project.run(["up", "--yes", "--skip-preview", ...flags, ...seen.refresh], {}, stdout) };
}

/** `npm run up`: installs what is missing on this machine, updates the stack, and prints the next commands. */
export async function up({ stack, args }: Invocation): Promise<number> {
  const { project, code } = await bringUp(stack, args);
  if (code === 0) await printSummary(project, stack);
  else log("", "`npm run up` can be run again at any time; it continues where this run stopped");
  return code;
}
