import type { Unreadable } from "./info";
import type { Options } from "./options";

// Errors of an object store or of its connection: how pgBackRest reports them, and what to do.

const KEYS =
  "set both again (pulumi config set --secret --path pgwright:backupS3.BUCKET.key, and .secret; pgwright:restoreS3 for " +
  "restoreFrom.repository)";

const PROBLEMS: [answer: RegExp, toDo: string][] = [
  [/InvalidAccessKeyId|UserNotFound/, `the object store does not know the access key; ${KEYS}`],
  [/SignatureDoesNotMatch/, `the secret does not belong to the access key; ${KEYS}`],
  [/NoSuchBucket/, "the bucket does not exist; create it, or correct s3.bucket or s3.pathStyle"],
  [/RequestTimeTooSkewed/, "the clock of the Docker host is wrong; set it"],
  [
    /AuthorizationHeaderMalformed|PermanentRedirect|IllegalLocationConstraint/,
    "the bucket is in another region; correct s3.region and s3.endpoint",
  ],
  [
    /AccessDenied|failed with 403/,
    "the access key lacks a permission; allow it to list the bucket, and to read, write and delete objects in it",
  ],
  [
    /unable to verify certificate/,
    "the endpoint's certificate is not trusted; name a file with the certificate of its CA in s3.certificate",
  ],
  [
    /unable to find hostname/,
    "the endpoint's certificate is for another host; correct s3.endpoint, or write s3.pathStyle: true if the bucket is the first " +
      "part of the name",
  ],
  [
    /unable to get address for/,
    "the endpoint's host name is unknown; correct s3.endpoint, or write s3.pathStyle: true if the bucket is the first part of the name",
  ],
  [
    /unable to connect to '[^'=]+:\d+'|timeout (connecting|after)/,
    "the endpoint does not answer; correct s3.endpoint, or let containers of the Docker host reach it",
  ],
  [/TLS error/, "the endpoint does not speak TLS at that port; correct s3.endpoint"],
];

/** Describes an error of a bucket or of its connection, in a line; undefined for other errors. */
export function bucketProblem(output: string): string | undefined {
  const toDo = PROBLEMS.find(([answer]) => answer.test(output))?.[1];
  if (toDo === undefined) return undefined;
  const [, code, message] = /<Code>([^<]*)<\/Code>\s*<Message>([^<]*)/.exec(output) ?? [];
  const [first = ""] = output.trim().split(/\n| {4}|:? \*\*\* /);
  return `${toDo} (${code === undefined ? first.replace(/^.*ERROR: /, "") : `${code}: ${message}`})`;
}

/** Describes in a line why a repository cannot be read. */
export function describeProblem({ key, message }: Unreadable, options: Options): string {
  const bucket = options[`repo${key}-s3-bucket`];
  if (bucket === undefined) return `repository ${key}: cannot be read; check the passphrase: ${message}`;
  const named = `repository ${key}, bucket ${bucket} at ${options[`repo${key}-s3-endpoint`]}`;
  return `${named}: ${bucketProblem(message) ?? `cannot be read; check the passphrase: ${message}`}`;
}
