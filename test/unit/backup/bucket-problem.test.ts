import { describe, expect, it } from "vitest";
import { bucketProblem, describeProblem } from "../../../backup/bucket-problem";

/** As pgBackRest tells it. */
const answer = (status: string, code: string, message: string) => `[ProtocolError] HTTP request failed with ${status}:
*** Path/Query ***:
GET /shop/?delimiter=%2F&list-type=2&prefix=backup%2F
*** Request Headers ***:
authorization: <redacted>
host: minio:9000
*** Response Headers ***:
content-type: application/xml
*** Response Content ***:
<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>${code}</Code><Message>${message}</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>`;

const refused = "unable to connect to 'minio:9000': [111] Connection refused";

describe("what is wrong with a bucket", () => {
  it.each([
    [answer("403 (Forbidden)", "InvalidAccessKeyId", "No such key."), "does not know the access key; set both again"],
    [answer("403 (Forbidden)", "SignatureDoesNotMatch", "Differs."), "the secret does not belong to the access key"],
    [
      answer("403 (Forbidden)", "AccessDenied", "Access Denied."),
      "allow it to list the bucket, and to read, write and delete",
    ],
    [answer("404 (Not Found)", "NoSuchBucket", "Not there."), "the bucket does not exist; create it"],
    [answer("403 (Forbidden)", "RequestTimeTooSkewed", "Too large."), "the clock of the Docker host is wrong"],
    [answer("400 (Bad Request)", "AuthorizationHeaderMalformed", "Expecting eu."), "correct s3.region"],
    [
      "2026 P00  ERROR: [039]: HTTP request failed with 403 (Forbidden):\n *** Path/Query ***:\n HEAD /a",
      "the access key lacks a permission",
    ],
    ["[CryptoError] unable to verify certificate presented by 'minio:9000': [20] unable to get", "in s3.certificate"],
    ["[CryptoError] unable to find hostname 'a' in certificate common name", "for another host; correct s3.endpoint"],
    [
      "[HostConnectError] unable to get address for 'a.minio': [-2] Name or service not known",
      "the endpoint's host name is unknown",
    ],
    [`2026 P00  ERROR: [049]: ${refused}\n    [HostConnectError] on 7 retries: ${refused}`, "does not answer"],
    ["[HostConnectError] timeout connecting to 'minio:9000'", "does not answer"],
    ["[ServiceError] TLS error [1:167772427] wrong version number", "does not speak TLS"],
  ])("is reported with what to do: %s", (output, toDo) => {
    expect(bucketProblem(output)).toContain(toDo);
    expect(bucketProblem(output)).not.toMatch(/\n|AKIA|authorization|\*\*\*/);
  });

  it("is reported in the words of the store too", () => {
    expect(bucketProblem(answer("404 (Not Found)", "NoSuchBucket", "Not there."))).toMatch(
      /\(NoSuchBucket: Not there\.\)$/,
    );
    expect(bucketProblem(`ERROR: [049]: ${refused}\n    [HostConnectError] on 7 retries`)).toContain(
      `(${"[049]: "}${refused})`,
    );
  });

  it.each([
    "unable to connect to 'dbname='postgres' port=5432 host='/tmp'': connection to server failed: No such file",
    "WAL segment 000000010000000000000001 was not archived before the 60000ms timeout",
    "unable to open file '/var/lib/pgbackrest/1/archive/shop/archive.info' for write: [13] Permission denied",
  ])("is none where something else is wrong: %s", (output) => {
    expect(bucketProblem(output)).toBeUndefined();
  });

  it("is reported with the repository", () => {
    const options = { "repo2-s3-bucket": "shop", "repo2-s3-endpoint": "minio:9000" };
    expect(describeProblem({ key: 2, message: refused }, options)).toMatch(
      /^repository 2, bucket shop at minio:9000: the endpoint does not answer/,
    );
    expect(describeProblem({ key: 1, message: "[CryptoError] x" }, options)).toBe(
      "repository 1: cannot be read; check the passphrase: [CryptoError] x",
    );
    expect(describeProblem({ key: 2, message: "[CryptoError] x" }, options)).toBe(
      "repository 2, bucket shop at minio:9000: cannot be read; check the passphrase: [CryptoError] x",
    );
  });
});
