import type { Invocation } from "../invocation";
import { runInAgent } from "../server";
import { printStatus } from "./status";

/** `npm run drill`: restores the newest backup now, in a container of its own, and says whether all was there. */
export async function drill({ stack }: Invocation): Promise<number> {
  const code = runInAgent(stack, "backup.sh", "drill");
  await printStatus(stack);
  return code;
}
