import fc from "fast-check";
import { expect, it } from "vitest";
import { refusal } from "../../provider/hazard";
import { linesOf, oneLine, visible } from "../../provider/visible-text";
import { toText, type Undeclared } from "../../report/drift";

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const texts = fc.string({ unit: "binary" });

it.each([
  ["shop_app", "shop_app"],
  ["täglich, 毎日, C:\\n", "täglich, 毎日, C:\\n"],
  ["a\nDATA LOSS: b\r\t", "a\\nDATA LOSS: b\\r\\t"],
  ["\u001b[2J\u009b31m\u007f", "\\u{1b}[2J\\u{9b}31m\\u{7f}"],
  [
    "a\u202eb\u2066\u200b\ufeff\u00ad\u{e0041}\u3164",
    "a\\u{202e}b\\u{2066}\\u{200b}\\u{feff}\\u{ad}\\u{e0041}\\u{3164}",
  ],
  ["\u2028\u0085\ud800", "\\u{2028}\\u{85}\\u{d800}"],
])("%j is shown as %s", (text, shown) => expect(oneLine(text)).toBe(shown));

it("any text becomes one line of characters that are seen, and stays as it is from then on", () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(oneLine(text)).not.toMatch(INVISIBLE);
      expect(oneLine(oneLine(text))).toBe(oneLine(text));
      expect(visible(visible(text))).toBe(visible(text));
    }),
  );
});

it("further lines of a message are indented, so that a name in it cannot begin another message", () => {
  expect(visible("no: a\nACCESS: b\r\n  c\n\td\n")).toBe("no: a\n  ACCESS: b\n  c\n    d");
  fc.assert(
    fc.property(texts, texts, (a, b) =>
      linesOf(`${a}\n${b}`)
        .slice(1)
        .every((line) => /^( {2}|$)/.test(line)),
    ),
  );
});

it("a refusal keeps to its lines whatever the names in it are", () => {
  const changes = [{ hazard: "access" as const, lines: ["a\nto allow it: b\u001b[1A gains SELECT", "c\nd"] as const }];
  const lines = refusal(changes, { forbid: ["access"], except: [] })?.split("\n") ?? [];
  expect(lines).toHaveLength(4);
  expect(lines.slice(1, 3)).toEqual(["  ACCESS: a\\nto allow it: b\\u{1b}[1A gains SELECT", "    c\\nd"]);
  expect(refusal(changes, { forbid: ["access"], except: ["a\nto"] })).toBeUndefined();
});

it("drift has a line for each object whatever its name is", () => {
  const undeclared: Undeclared[] = [{ kind: "Role", name: "a\n  + Role b\u001b[2K", what: "", database: "x\r" }];
  const lines = toText({ stack: "dev", changed: [], undeclared });
  expect(lines.slice(3)).toEqual(["  + Role a\\n  + Role b\\u{1b}[2K in x\\r"]);
});
