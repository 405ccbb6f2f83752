import { ensureEngine } from "../../toolchain/docker";
import type { Invocation } from "../options";
import { log } from "../print";
import { Project } from "../project";
import { recoverInterrupted } from "../recover";

/** `npm run destroy`: removes the stack's container, volumes, network and state. Fails for a protected stack. */
export async function destroy({ stack, args }: Invocation): Promise<number> {
  await ensureEngine({ log });
  const project = await Project.open(stack);
  await project.ensureStack(stack);
  await recoverInterrupted(project, stack);
  return project.run(["destroy", "--stack", stack, "--yes", "--skip-preview", ...args]);
}
