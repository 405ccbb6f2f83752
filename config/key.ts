import { z } from "zod";
import { parseObjectName, WRITE_OBJECT_NAME } from "./object-name";

// A key's example is shown in the reference and by editors. `allowed` says in words what a pattern allows, for error
// messages and editors; other types say it themselves (config/allowed.ts).
export const key = (description: string, example: unknown) => ({ description, examples: [example] });
export const allowed = (words: string) => ({ allowed: words });

/** A PostgreSQL identifier: any text of up to 63 bytes; longer ones would be cut silently. */
export const identifier = z
  .string()
  .min(1, "a name cannot be empty")
  .refine((name) => Buffer.byteLength(name) <= 63, "a name in PostgreSQL has at most 63 bytes")
  .refine((name) => !name.includes("\0"), "a name cannot hold a zero byte")
  // Pulumi hands over what YAML does not take for text in Go's words.
  .refine((name) => name !== "<nil>", 'YAML takes null and ~ for no value: write such a name in quotes, "null"')
  .refine(
    (name) => !/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d .*UTC$/.test(name),
    "YAML takes this for a date: write such a name in quotes",
  )
  .meta(allowed("a name of 1 to 63 bytes"));

/** An object in a schema, as config/object-name.ts reads it. */
export const objectName = z
  .string()
  .refine((text) => parseObjectName(text) !== undefined, WRITE_OBJECT_NAME)
  .meta(allowed("schema.name"));

export const text = z.string().meta(allowed("a text; in quotes if it looks like a number or a date"));
export const settingValue = z
  .union([z.string(), z.number(), z.boolean()])
  .meta(allowed("a text, a number, true or false"));
export const noLimit = "-1: no limit";
