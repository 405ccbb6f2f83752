import { ensureEngine } from "../../toolchain/docker";
import type { Invocation } from "../main";
import { log, Project } from "../project";
import { refreshFlags } from "../server";

/** `npm run preview`: what `npm run up` would do. */
export async function preview({ stack, args }: Invocation): Promise<number> {
  await ensureEngine({ log });
  const project = await Project.open(stack);
  await project.ensureStack(stack);
  return project.run(["preview", "--stack", stack, ...(await refreshFlags(stack)), ...args]);
}
