import tables from "./saslprep-tables.json";

type Table = Exclude<keyof typeof tables, "source">;

/** The characters of a table, as a class of a regular expression. */
const characters = (table: Table): string =>
  tables[table]
    .split(" ")
    .map((range) =>
      range
        .split("-")
        .map((code) => `\\u{${code}}`)
        .join("-"),
    )
    .join("");

const nonAscii = /[^\0-\x7f]/;
const space = new RegExp(`[${characters("space")}]`, "gu");
const nothing = new RegExp(`[${characters("nothing")}]`, "gu");
const prohibited = new RegExp(`[${characters("prohibited")}${characters("unassigned")}]`, "u");
const rightToLeft = new RegExp(`[${characters("rightToLeft")}]`, "u");
const rightToLeftThroughout = new RegExp(
  `^(?=[${characters("rightToLeft")}])[^${characters("leftToRight")}]*(?<=[${characters("rightToLeft")}])$`,
  "u",
);

/**
 * The text that PostgreSQL and libpq hash for a password: SASLprep (RFC 4013) as in src/common/saslprep.c. A password that SASLprep
 * does not allow is hashed unchanged. As in that file, prohibited characters are checked before the normalisation.
 */
export function saslprep(password: string): string {
  if (!nonAscii.test(password)) return password;
  const mapped = password.replace(space, " ").replace(nothing, "");
  if (mapped === "" || prohibited.test(mapped)) return password;
  if (rightToLeft.test(mapped) && !rightToLeftThroughout.test(mapped)) return password;
  return mapped.normalize("NFKC");
}
