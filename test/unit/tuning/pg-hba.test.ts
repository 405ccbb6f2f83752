import { expect, it } from "vitest";
import { hbaRules } from "../../../tuning/pg-hba";

const superuser = (address?: string) => hbaRules([], address).filter((rule) => rule.startsWith("host all postgres "));
const GATEWAY = "host all postgres gateway scram-sha-256";

it.each(["127.0.0.1", "127.0.0.53", "0.0.0.0", undefined])(
  "lets pgwright in from the gateway alone, published at %s",
  (a) => {
    expect(superuser(a)).toEqual([GATEWAY]);
  },
);

it("lets pgwright in from the published address, too, if that is one of the host's own", () => {
  expect(superuser("10.1.2.3")).toEqual([GATEWAY, "host all postgres 10.1.2.3/32 scram-sha-256"]);
});

it("lets the networks in that the stack file allows, with a password", () => {
  const rules = hbaRules(["10.0.0.0/8", "fd00::/8"]);
  expect(rules.slice(-2)).toEqual([
    "host all,replication all 10.0.0.0/8 scram-sha-256",
    "host all,replication all fd00::/8 scram-sha-256",
  ]);
  expect(rules.filter((rule) => !/ (peer|peer map=pgwright|scram-sha-256)$/.test(rule))).toEqual([]);
});
