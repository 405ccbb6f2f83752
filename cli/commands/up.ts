import { ensureEngine } from "../../toolchain/docker";
import type { Invocation } from "../main";
import { log, Project } from "../project";
import { repairInterrupted } from "../repair";
import { refreshFlags } from "../server";
import { printSummary } from "../summary";

/** `npm run up`: everything that is missing on this machine, then `pulumi up`, then what to do next. */
export async function up({ stack, args }: Invocation): Promise<number> {
  await ensureEngine({ log });
  const project = await Project.open(stack);
  await project.ensureStack(stack);
  await repairInterrupted(project, stack);
  const code = await project.run([
    "up",
    "--stack",
    stack,
    "--yes",
    "--skip-preview",
    ...(await refreshFlags(stack)),
    ...args,
  ]);
  if (code === 0) await printSummary(project, stack);
  else log("\n`npm run up` can be run again at any time: it goes on where this run has stopped.");
  return code;
}
