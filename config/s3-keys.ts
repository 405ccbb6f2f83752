import { path, StackError, type Problem } from "./problem";
import { S3_KEYS, s3KeysSchema, type S3Config, type S3Keys, type S3Secret } from "./s3";
import type { Stack } from "./stack";

const bucketsOf = (repositories: { s3?: S3Config }[]) => repositories.flatMap(({ s3 }) => s3?.bucket ?? []);

/** Checks that each bucket of a repository has its keys, and no other has. Errors contain no key. */
export function parseS3Keys(
  input: Partial<Record<S3Secret, unknown>>,
  { backup, restoreFrom }: Stack,
): Partial<Record<S3Secret, S3Keys>> {
  const buckets = {
    backupS3: new Set(bucketsOf(backup?.repositories ?? [])),
    restoreS3: new Set(bucketsOf(restoreFrom?.repository ? [restoreFrom.repository] : [])),
  };
  const found = S3_KEYS.flatMap((name) => problemsOf(name, input[name] ?? {}, [...buckets[name]]));
  if (found.length > 0) throw new StackError(found);
  return input as Partial<Record<S3Secret, S3Keys>>;
}

const prefixed = (key: string) => `pgwright:${key}`;

function problemsOf(name: S3Secret, given: object, buckets: string[]): Problem[] {
  const missing = buckets.flatMap((bucket) => {
    const pair = new Map(Object.entries(new Map(Object.entries(given)).get(bucket) ?? {}));
    return ["key", "secret"].filter((part) => !pair.has(part)).map((part) => path([name, bucket, part]));
  });
  if (missing.length > 0) {
    const set = (key: string) => `is missing; set it with: pulumi config set --secret --path '${prefixed(key)}'`;
    return missing.map((key) => ({ key, text: set(key) }));
  }
  const { error } = s3KeysSchema.shape[name].safeParse(given);
  if (error) {
    const text = "write a map by bucket, each a map with key and secret, which are strings without spaces";
    return error.issues.map(({ path: parts }) => ({ key: path([name, ...parts]), text }));
  }
  const others = Object.keys(given).filter((bucket) => !buckets.includes(bucket));
  const used = buckets.length > 0 ? buckets.join(", ") : "none";
  return others.map((bucket) => ({
    key: path([name, bucket]),
    text: `is not used: no repository is in this bucket (buckets of repositories: ${used}); remove it with: pulumi config rm --path '${prefixed(path([name, bucket]))}'`,
  }));
}
