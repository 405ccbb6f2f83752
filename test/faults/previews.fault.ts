import { createWorld, holdTrue } from "../integration/preview/truth";
import { Checks } from "./checks";

// Random changes of a stack file and of its server by hand: each preview has to say what the update then does.
//   npm run test:faults -- previews [steps [seed]]

export async function run([steps = "60", seed = String(Date.now() % 1_000_000)]: string[]): Promise<void> {
  const checks = new Checks();
  console.log(`seed ${seed}`);
  const world = await createWorld(Number(seed));
  try {
    for (let i = 1; i <= Number(steps); i += 1)
      await checks.that(`preview ${i}`, async () => console.log(`  ${(await holdTrue(world)).join("; ")}`));
  } finally {
    await world.stack.dispose();
  }
  checks.close();
}
