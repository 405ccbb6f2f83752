import { z } from "zod";
import { allowed, key } from "./key";

// A stack that nobody has to keep, nor to take down: `npm run ephemeral` makes and removes it.

const time = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  .refine((text) => !Number.isNaN(Date.parse(text)), "there is no such time")
  .meta(allowed("a time in UTC, in quotes, such as 2026-11-25T18:00:00Z"));

export const ephemeralSchema = z.strictObject({
  expires: time.meta(
    key(
      "When `npm run ephemeral -- sweep` may remove it, with all data. Given when the stack is made, and never changed.",
      "2026-11-25T18:00:00Z",
    ),
  ),
  durable: z
    .boolean()
    .default(true)
    .meta(key("With false the server does not wait for its disk: faster, and lost if the machine crashes.", false)),
});

export type EphemeralConfig = z.output<typeof ephemeralSchema>;
