import type { Invocation } from "../options";
import { runInAgent } from "../server";
import { printStatus } from "./status";

/** `npm run drill`: restores the newest backup in a throwaway container, checks it, and prints the status. */
export async function drill({ stack }: Invocation): Promise<number> {
  const code = runInAgent(stack, "backup.sh", "drill");
  await printStatus(stack);
  return code;
}
