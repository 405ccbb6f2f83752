import { existsSync } from "node:fs";
import { print } from "../print";
import { ephemeralFile } from "../project";
import type { EPHEMERAL, Invocation } from "../options";
import { checkName } from "./arguments";
import { findLabelled } from "./engine";
import { findStacks } from "./list";
import { findState, hostFor, removeStack } from "./remove";

/** Removes a stack in any condition: its Docker objects, its state, its history and its stack file. */
export async function destroy({ options: { engine }, args }: Invocation<typeof EPHEMERAL>): Promise<number> {
  const name = checkName(args[0] ?? "");
  const host = hostFor(name, engine);
  const objects = await findLabelled(host, host.container);
  if (objects.length === 0 && !(await findState(name)) && !existsSync(ephemeralFile(name))) {
    const others = (await findStacks(host.engine)).map((each) => each.name);
    throw new Error(
      `ephemeral stack ${name}: does not exist; existing ephemeral stacks: ${others.join(", ") || "none"}`,
    );
  }
  await removeStack(name, host);
  print(`removed ${name}`);
  return 0;
}
