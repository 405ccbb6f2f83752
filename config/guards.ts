import { z } from "zod";
import { allowed, key } from "./key";

// What a preview refuses, whoever asks for it, and what is no drift.

const part = z
  .string()
  .regex(/^\S.{2,}$/)
  .meta(allowed("a text of at least 3 characters"));

export const guardsSchema = z.strictObject({
  forbid: z
    .array(z.enum(["loss", "lock", "briefLock", "access"]))
    .default([])
    .meta(
      key(
        "What makes a preview, and so an update, fail: loss of data (messages that begin with DATA LOSS), locks that others wait for while there is work to do (LOCK), or for a moment (BRIEF LOCK), and roles that can do more or less than before (ACCESS).",
        ["loss"],
      ),
    ),
  except: z
    .array(part)
    .default([])
    .meta(
      key("Allowed all the same: a part of the message that names it. Take it out again once that is done.", [
        "database shop_old",
      ]),
    ),
});

export const driftSchema = z.strictObject({
  ignore: z
    .array(part)
    .default([])
    .meta(
      key("What is meant to be on the server without a declaration: a part of the line that `npm run drift` shows.", [
        "Role pganalyze",
      ]),
    ),
});
