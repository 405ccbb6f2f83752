import { z } from "zod";
import { allowed, key } from "./key";

// Hazards that make every preview fail, and differences that do not count as drift.

const part = z
  .string()
  .regex(/^\S.{2,}$/)
  .meta(allowed("a string of at least 3 characters"));

export const guardsSchema = z.strictObject({
  forbid: z
    .array(z.enum(["loss", "lock", "briefLock", "access"]))
    .default([])
    .meta(
      key(
        "Hazards that make a preview, and so an update, fail: loss of data (messages that begin with DATA LOSS), locks that block other sessions while work is done (LOCK) or for a moment (BRIEF LOCK), and roles that gain or lose privileges (ACCESS).",
        ["loss"],
      ),
    ),
  except: z
    .array(part)
    .default([])
    .meta(
      key("Exceptions: a part of the message of a hazard that is allowed. Remove the entry after the update.", [
        "database shop_old",
      ]),
    ),
});

export const driftSchema = z.strictObject({
  ignore: z
    .array(part)
    .default([])
    .meta(
      key("Undeclared objects that are intended: a part of the line that `npm run drift` prints.", ["Role pganalyze"]),
    ),
});
