import { z } from "zod";
import { parseObjectName, WRITE_OBJECT_NAME } from "./object-name";

// The reference and editors show a key's example. `allowed` describes what a pattern allows, for error messages and editors;
// config/allowed.ts derives the description of other types.
export const key = (description: string, example: unknown) => ({ description, examples: [example] });
export const allowed = (description: string) => ({ allowed: description });

/** A PostgreSQL identifier of up to 63 bytes; PostgreSQL truncates longer ones. */
export const identifier = z
  .string()
  .min(1, "a name cannot be empty")
  .refine((name) => Buffer.byteLength(name) <= 63, "a name in PostgreSQL has at most 63 bytes")
  .refine((name) => !name.includes("\0"), "a name cannot contain a NUL byte")
  // Pulumi passes values that YAML does not read as strings in the notation of Go.
  .refine((name) => name !== "<nil>", 'YAML reads null and ~ as no value; write such a name in quotes, "null"')
  .refine(
    (name) => !/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d .*UTC$/.test(name),
    "YAML reads this as a date; write such a name in quotes",
  )
  .meta(allowed("a name of 1 to 63 bytes"));

/** An object in a schema, as config/object-name.ts reads it. */
export const objectName = z
  .string()
  .refine((text) => parseObjectName(text) !== undefined, WRITE_OBJECT_NAME)
  .meta(allowed("schema.name"));

export const text = z.string().meta(allowed("a string; in quotes if it looks like a number or a date"));
export const settingValue = z
  .union([z.string(), z.number(), z.boolean()])
  .meta(allowed("a string, a number, true or false"));
export const noLimit = "-1: no limit";
