import { changesAnything } from "../../report/events";
import { errorText, makeReport } from "../../report/report";
import { ensureEngine } from "../../toolchain/docker";
import type { Invocation } from "../invocation";
import { log } from "../print";
import { Project } from "../project";
import { repairInterrupted } from "../repair";
import { observeRefreshed } from "../refreshed";
import { refreshFlags } from "../server";
import { printSummary } from "../summary";
import type { Stdout } from "../terminal";

/**
 * Brings a stack to what its stack file says. A preview comes first, so that what it refuses stops the update before its first
 * change; where it finds nothing to change, there is no update. `stdout`: where Pulumi prints.
 */
export async function bringUp(
  stack: string,
  args: string[] = [],
  stdout: Stdout = "inherit",
): Promise<{ project: Project; code: number }> {
  await ensureEngine({ log });
  const project = await Project.open(stack);
  await project.ensureStack(stack);
  await repairInterrupted(project, stack);
  const refresh = await refreshFlags(stack);
  const flags = ["--stack", stack];
  // Arguments may be such as only an update takes (--plan): then Pulumi makes its preview itself.
  if (args.length > 0)
    return { project, code: await project.run(["up", "--yes", ...flags, ...refresh, ...args], {}, stdout) };
  const {
    code: refused,
    events,
    ...seen
  } = await observeRefreshed(project, ["preview", ...flags], refresh, { stdout });
  if (refused !== 0) {
    log("", ...makeReport(stack, events).errors.map(errorText), "The preview is refused: nothing was changed.");
    return { project, code: refused };
  }
  if (!changesAnything(events)) return { project, code: 0 };
  return { project, code: await project.run(["up", "--yes", "--skip-preview", ...flags, ...seen.refresh], {}, stdout) };
}

/** `npm run up`: everything that is missing on this machine, then `pulumi up`, then what to do next. */
export async function up({ stack, args }: Invocation): Promise<number> {
  const { project, code } = await bringUp(stack, args);
  if (code === 0) await printSummary(project, stack);
  else log("", "`npm run up` can be run again at any time: it goes on where this run has stopped.");
  return code;
}
