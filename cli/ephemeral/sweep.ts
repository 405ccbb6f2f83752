import { log, print } from "../print";
import { configured, containerName } from "../server";
import type { EPHEMERAL, Invocation } from "../options";
import { formatDuration } from "./arguments";
import { expiryOf, findLabelled } from "./engine";
import { engines, findStacks } from "./list";
import { hostFor, removeStack, stacksHere } from "./remove";

/** Removes expired stacks, in this checkout and on the engines. A stack that cannot be removed does not stop the others. */
export async function sweep({ options: { engine } }: Invocation<typeof EPHEMERAL>): Promise<number> {
  let failed = 0;
  let removed = 0;
  const attempt = async (what: string, act: () => Promise<boolean>) => {
    try {
      if (!(await act())) return;
      removed += 1;
      print(`removed ${what}`);
    } catch (error) {
      failed += 1;
      log(`${what}: ${(error as Error).message}`);
    }
  };
  for (const each of engines(engine)) {
    await attempt(`expired stacks on ${each ?? "the Docker engine"}`, async () => {
      for (const { name, host, expires } of await findStacks(each)) {
        if (expires > Date.now()) continue;
        await attempt(`${name}, until ${formatDuration(expires, Date.now())}`, async () => {
          // Another run may have extended the expiry meanwhile.
          if (expiryOf(await findLabelled(host, host.container)) > Date.now()) return false;
          await removeStack(name, host);
          return true;
        });
      }
      return false;
    });
  }
  if (engine === undefined)
    for (const name of stacksHere()) await attempt(`the stack file of ${name}`, () => forget(name));
  if (removed + failed === 0) print("nothing has expired");
  return failed > 0 ? 1 : 0;
}

/** Removes the files of an expired stack of this checkout that has no objects on the engine. */
async function forget(name: string): Promise<boolean> {
  const { expires } = (configured(name, "ephemeral") ?? {}) as { expires?: string };
  const host = hostFor(name);
  if (!(Date.parse(expires ?? "") < Date.now()) || (await findLabelled(host, containerName(name))).length > 0)
    return false;
  await removeStack(name, host);
  return true;
}
