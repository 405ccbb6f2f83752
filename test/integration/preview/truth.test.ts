import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { World } from "./changes";
import { createWorld, holdTrue } from "./truth";

// `npm run test:faults -- previews` makes many more.
const SEED = 20261125;
const STEPS = 3;

describe("a preview of random changes", () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld(SEED);
  }, 900_000);
  afterAll(() => world?.stack.dispose());

  it.each(Array.from({ length: STEPS }, (_, i) => i + 1))(
    "says what the update does, and does nothing itself: %i",
    async () => {
      expect((await holdTrue(world)).length).toBeGreaterThan(0);
    },
  );
});
