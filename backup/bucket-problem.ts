import type { Unreadable } from "./info";
import type { Options } from "./options";

// What an object store, or the way to it, has against us: pgBackRest's words, and what to do.

const KEYS =
  "set both again (pulumi config set --secret --path pgwright:backupS3.BUCKET.key, and .secret; pgwright:restoreS3 for " +
  "restoreFrom.repository)";

const PROBLEMS: [answer: RegExp, toDo: string][] = [
  [/InvalidAccessKeyId|UserNotFound/, `the object store does not know the access key: ${KEYS}`],
  [/SignatureDoesNotMatch/, `the secret does not belong to the access key: ${KEYS}`],
  [/NoSuchBucket/, "there is no such bucket: make it, or mend s3.bucket or s3.pathStyle"],
  [/RequestTimeTooSkewed/, "the clock of the Docker host is wrong: set it"],
  [
    /AuthorizationHeaderMalformed|PermanentRedirect|IllegalLocationConstraint/,
    "the bucket is in another region: mend s3.region, and s3.endpoint",
  ],
  [
    /AccessDenied|failed with 403/,
    "the access key may not do that: let it list the bucket, and read, write and delete in it",
  ],
  [
    /unable to verify certificate/,
    "the endpoint's certificate is not trusted: name a file with that of its CA in s3.certificate",
  ],
  [
    /unable to find hostname/,
    "the endpoint's certificate is for another host: mend s3.endpoint, or write s3.pathStyle: true if the bucket is the first " +
      "part of the name",
  ],
  [
    /unable to get address for/,
    "there is no such host: mend s3.endpoint, or write s3.pathStyle: true if the bucket is the first part of the name",
  ],
  [
    /unable to connect to '[^'=]+:\d+'|timeout (connecting|after)/,
    "the endpoint does not answer: mend s3.endpoint, or let containers of the Docker host reach it",
  ],
  [/TLS error/, "the endpoint does not speak TLS at that port: mend s3.endpoint"],
];

/** What is wrong with a bucket or the way to it, in a line; undefined if it is something else. */
export function bucketProblem(output: string): string | undefined {
  const toDo = PROBLEMS.find(([answer]) => answer.test(output))?.[1];
  if (toDo === undefined) return undefined;
  const [, code, message] = /<Code>([^<]*)<\/Code>\s*<Message>([^<]*)/.exec(output) ?? [];
  const [first = ""] = output.trim().split(/\n| {4}|:? \*\*\* /);
  return `${toDo} (${code === undefined ? first.replace(/^.*ERROR: /, "") : `${code}: ${message}`})`;
}

/** Why a repository cannot be read, in a line. */
export function describeProblem({ key, message }: Unreadable, options: Options): string {
  const bucket = options[`repo${key}-s3-bucket`];
  if (bucket === undefined) return `repository ${key} cannot be read (is the passphrase right?): ${message}`;
  const named = `repository ${key}, bucket ${bucket} at ${options[`repo${key}-s3-endpoint`]}`;
  return `${named}: ${bucketProblem(message) ?? `it cannot be read (is the passphrase right?): ${message}`}`;
}
