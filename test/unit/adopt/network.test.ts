import fc from "fast-check";
import { expect, it } from "vitest";
import { contains, overlaps, parseNetwork, without, writeNetwork, type Network } from "../../../adopt/network";

it.each([
  ["10.1.2.3", "255.255.0.0", "10.1.0.0/16"],
  ["0.0.0.0", "0.0.0.0", "0.0.0.0/0"],
  ["fd00::1", "ffff:ffff:ffff:ffff::", "fd00::/64"],
  ["::", "::", "::/0"],
  ["::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1/128"],
  ["1:0:0:2:0:0:0:3", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "1:0:0:2::3/128"],
  ["10.0.0.0", "ffff::", undefined],
  ["db.example.com", "", undefined],
])("%s with mask %s is %s", (address, netmask, text) => {
  const network = parseNetwork(address, netmask);
  expect(network && writeNetwork(network)).toBe(text);
});

it("what is left of a network holds every other address of it, and none of the hole", () => {
  const network = fc.tuple(fc.nat(255), fc.integer({ min: 24, max: 32 })).map(([last, bits]): Network => {
    const base = (10n << 24n) + BigInt(last);
    return { size: 32, bits, base: (base >> BigInt(32 - bits)) << BigInt(32 - bits) };
  });
  fc.assert(
    fc.property(network, network, fc.nat(255), (outer, hole, last) => {
      const address: Network = { size: 32, bits: 32, base: (10n << 24n) + BigInt(last) };
      const left = without(outer, hole);
      expect(left.some((each) => contains(each, address))).toBe(contains(outer, address) && !contains(hole, address));
      expect(left.some((each) => overlaps(each, hole))).toBe(false);
    }),
  );
});
