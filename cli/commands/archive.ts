import type { Invocation } from "../invocation";
import { runInAgent } from "../server";

/** `npm run archive -- DATABASE TABLE`: brings a partition back that retention has dumped; a name that is not known lists them. */
export async function archive({ stack, args: [database, table, ...more] }: Invocation): Promise<number> {
  if (database === undefined || more.length > 0)
    throw new Error("npm run archive -- DATABASE TABLE brings a dumped partition back; without TABLE they are listed");
  return runInAgent(stack, "unarchive.sh", database, table ?? "");
}
