import { parseRequest, USAGE, type Action, type Request } from "../ephemeral/arguments";
import { destroy } from "../ephemeral/destroy";
import { list } from "../ephemeral/list";
import { sweep } from "../ephemeral/sweep";
import { up } from "../ephemeral/up";
import type { Invocation } from "../invocation";

const ACTIONS: Record<Action, (request: Request) => Promise<number>> = { up, list, destroy, sweep };

/** `npm run ephemeral`: stacks with an expiry, which leave nothing behind. */
export async function ephemeral({ stack, args }: Invocation): Promise<number> {
  if (stack !== "dev")
    throw new Error(`--stack "${stack}": not an option of ephemeral; write the name without a flag\n${USAGE}`);
  const request = parseRequest(args);
  return ACTIONS[request.action](request);
}
