import { z } from "zod";
import { allowed, key } from "./key";
import type { Stack } from "./stack";

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

/** What would be left when an ephemeral stack has gone, or be in the way of its going. */
export function checkEphemeral(
  { ephemeral, protect, backup, databases }: Stack,
  report: (key: string, text: string) => void,
): void {
  if (!ephemeral) return;
  if (protect)
    report("protect", "true, and the stack is ephemeral: it goes when its time is over; take one of them out");
  if (backup) report("backup", "an ephemeral stack has no backups, which would be left when it goes; take it out");
  for (const [name, { partitions }] of Object.entries(databases)) {
    for (const [table, { retention }] of Object.entries(partitions?.sets ?? {})) {
      if (retention?.dump)
        report(
          `databases.${name}.partitions.sets["${table}"].retention.dump`,
          "an ephemeral stack has no backups, nor dumps; take it out",
        );
    }
  }
}
