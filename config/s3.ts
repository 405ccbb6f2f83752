import { z } from "zod";
import { allowed, key } from "./key";

// Repositories in a bucket of an S3-compatible object store, and the keys to the buckets.

const bucket = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/)
  .meta(allowed("the name of a bucket: 3 to 63 lower-case letters, digits, . and -"));

export const s3Schema = z.strictObject({
  bucket: bucket.meta(
    key(
      "An existing bucket. Its keys are secrets: pgwright:backupS3, for restoreFrom pgwright:restoreS3.",
      "shop-backups",
    ),
  ),
  endpoint: z
    .string()
    .regex(/^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[1-9]\d{0,4})?$/)
    .optional()
    .meta({
      ...key("Host of the object store; Amazon S3 of the region if absent.", "minio.example.com:9000"),
      ...allowed("a host name, with :port if that is not 443, and without https://"),
    }),
  region: z
    .string()
    .regex(/^[a-zA-Z0-9-]+$/)
    .default("us-east-1")
    .meta({
      ...key("Region of the bucket.", "eu-central-1"),
      ...allowed("the name of a region, such as eu-central-1"),
    }),
  folder: z
    .string()
    .regex(/^\w[\w.-]*(\/\w[\w.-]*)*$/)
    .optional()
    .meta({
      ...key("Folder of the repository in the bucket; the whole bucket if absent.", "postgres/shop"),
      ...allowed("names of letters, digits, _, . and -, separated by /, without a leading or trailing /"),
    }),
  pathStyle: z
    .boolean()
    .default(false)
    .meta(key("Use https://endpoint/bucket, as MinIO and others require, instead of https://bucket.endpoint.", true)),
  certificate: z
    .string()
    .min(1)
    .optional()
    .meta(
      key(
        "File with the certificate (PEM) of the CA that signed the endpoint's certificate, relative to the project; the CAs that Debian trusts if absent.",
        "certificates/minio-ca.crt",
      ),
    ),
});

export type S3Config = z.output<typeof s3Schema>;

const accessKey = z
  .string()
  .regex(/^\S+$/)
  .meta(allowed("a string without spaces; in quotes if it looks like a number"));
const keysByBucket = (description: string) =>
  z
    .record(
      bucket,
      z.strictObject({
        key: accessKey.meta(key("The access key.", { secure: "AAABAN..." })),
        secret: accessKey.meta(key("The secret access key.", { secure: "AAABAN..." })),
      }),
    )
    .meta(key(description, { "shop-backups": { key: { secure: "AAABAN..." }, secret: { secure: "AAABAN..." } } }));

/** Secrets outside of stackSchema: `pulumi config set --secret --path pgwright:backupS3.shop-backups.key`. */
export const s3KeysSchema = z.strictObject({
  backupS3: keysByBucket("Keys to the buckets of backup.repositories."),
  restoreS3: keysByBucket("Keys to the bucket of restoreFrom.repository."),
});

export type S3Secret = keyof typeof s3KeysSchema.shape;
export const S3_KEYS = Object.keys(s3KeysSchema.shape) as S3Secret[];

/** Keys by bucket. */
export type S3Keys = Record<string, { key: string; secret: string }>;

/** Host, and port if it is not 443, of the object store. */
export const endpointOf = ({ endpoint, region }: S3Config): string => endpoint ?? `s3.${region}.amazonaws.com`;
