import type { Invocation } from "../invocation";
import { runInAgent } from "../server";

/** `npm run archive -- DATABASE TABLE`: restores a partition that retention has dumped; lists the dumps if there is none of that name. */
export async function archive({ stack, args: [database, table, ...more] }: Invocation): Promise<number> {
  if (database === undefined || more.length > 0)
    throw new Error(
      "npm run archive -- DATABASE TABLE restores a dumped partition; without TABLE, it lists the dumped partitions",
    );
  return runInAgent(stack, "unarchive.sh", database, table ?? "");
}
