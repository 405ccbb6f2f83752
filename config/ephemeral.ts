import { z } from "zod";
import { allowed, key } from "./key";

// A stack with an expiry, which `npm run ephemeral` creates and removes.

const time = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  .refine((text) => !Number.isNaN(Date.parse(text)), "there is no such time")
  .meta(allowed("a time in UTC, in quotes, such as 2026-11-25T18:00:00Z"));

export const ephemeralSchema = z.strictObject({
  expires: time.meta(
    key(
      "Time from which `npm run ephemeral -- sweep` may remove the stack, with all data. Set when the stack is created, and never changed.",
      "2026-11-25T18:00:00Z",
    ),
  ),
  durable: z
    .boolean()
    .default(true)
    .meta(
      key(
        "false: the server does not wait for its disk, which is faster; the data is lost if the machine crashes.",
        false,
      ),
    ),
});

export type EphemeralConfig = z.output<typeof ephemeralSchema>;
