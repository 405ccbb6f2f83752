import { describe, expect, it } from "vitest";
import type { Operation } from "../../provider/kind";
import { password } from "../../provider/kinds/password";
import { saslprep } from "../../provider/saslprep";
import { scramVerifier } from "../../provider/scram";

describe("SASLprep as PostgreSQL has it", () => {
  it.each<[string, string, string]>([
    ["ASCII as it is, control characters too", "p\u0007 w", "p\u0007 w"],
    ["no soft hyphen, zero-width joiner or byte order mark", "\uFEFFp\u00AD\u200Dw", "pw"],
    ["a space for other spaces, one of zero width too", "a\u00A0b\u200Bc\u3000d", "a b c d"],
    ["letters as NFKC composes them", "a\u0308\uFB01\u2126", "\u00E4fi\u03A9"],
    ["Arabic that begins and ends right to left", "\u06271\uFB50", "\u06271\u0671"],
  ])("has %s", (_, password, prepared) => {
    expect(saslprep(password)).toBe(prepared);
  });

  it.each<[string, string]>([
    ["of which nothing stays", "\u00AD\uFEFF"],
    ["with an emoji, which Unicode 3.2 does not have", "\uFB01\u00AD\u{1F600}"],
    ["with a control character beside other letters", "\u00E4\u0007\u00AD"],
    ["with a character for private use", "\uE000\u00AD"],
    ["with letters of both directions", "\u0627a\u00AD\u0628"],
    ["that does not end right to left", "\u0627\u00AD1"],
    ["that does not begin right to left", "1\u00AD\u0627"],
  ])("leaves a password as it is %s", (_, password) => {
    expect(saslprep(password)).toBe(password);
  });
});

describe("a password", () => {
  const read = (value: string, hashed: string) => {
    const state = { role: "r", value, password: value, verifier: scramVerifier(hashed, Buffer.alloc(16)) };
    return password.read("r", state, { role: "r", value }, {} as Operation);
  };

  it("differs while its verifier is one that earlier versions made, and nobody can log in with", async () => {
    expect(await read("soft\u00ADhyphen", "soft\u00ADhyphen")).toMatchObject({ value: "soft\u00ADhyphen" });
    expect((await read("\uFB01 \u{1F600}", "fi \u{1F600}"))?.value).toBeUndefined();
  });
});
