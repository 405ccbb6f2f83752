import type { Invocation } from "../options";
import { openForChange } from "../recover";

/** `npm run destroy`: removes the stack's container, volumes, network and state. Fails for a protected stack. */
export async function destroy({ stack, args }: Invocation): Promise<number> {
  const project = await openForChange(stack);
  return project.run(["destroy", "--stack", stack, "--yes", "--skip-preview", ...args]);
}
