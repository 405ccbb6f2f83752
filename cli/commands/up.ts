import { ensureEngine } from "../../toolchain/docker";
import type { Invocation } from "../main";
import { log } from "../print";
import { Project } from "../project";
import { repairInterrupted } from "../repair";
import { hasGuards, refreshFlags } from "../server";
import { printSummary } from "../summary";
import type { Stdout } from "../terminal";

/** Brings a stack to what its stack file says. `stdout`: where Pulumi prints. */
export async function bringUp(
  stack: string,
  args: string[] = [],
  stdout: Stdout = "inherit",
): Promise<{ project: Project; code: number }> {
  await ensureEngine({ log });
  const project = await Project.open(stack);
  await project.ensureStack(stack);
  await repairInterrupted(project, stack);
  const flags = [...(await refreshFlags(stack)), ...(hasGuards(stack) ? [] : ["--skip-preview"])];
  const code = await project.run(["up", "--stack", stack, "--yes", ...flags, ...args], {}, stdout);
  return { project, code };
}

/** `npm run up`: everything that is missing on this machine, then `pulumi up`, then what to do next. */
export async function up({ stack, args }: Invocation): Promise<number> {
  const { project, code } = await bringUp(stack, args);
  if (code === 0) await printSummary(project, stack);
  else log("", "`npm run up` can be run again at any time: it goes on where this run has stopped.");
  return code;
}
