import type { Invocation } from "../options";
import { runInAgent } from "../server";

/** `npm run archive -- DATABASE TABLE`: restores a partition that retention has dumped; lists the dumps if there is none of that name. */
export async function archive({ stack, args: [database = "", table] }: Invocation): Promise<number> {
  return runInAgent(stack, "unarchive.sh", database, table ?? "");
}
