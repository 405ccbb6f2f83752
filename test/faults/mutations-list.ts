/** One wrong version of a line of code. */
export interface Mutation {
  file: string;
  /** Occurs once in the file. */
  from: string;
  to: string;
}

const of = (file: string, ...changes: [from: string, to: string][]): Mutation[] =>
  changes.map(([from, to]) => ({ file, from, to }));

/** Usual mistakes: a bound that is off by one, a condition that is reversed or missing, a step that is left out. */
export const MUTATIONS: Mutation[] = [
  ...of(
    "tuning/plan.ts",
    ["(memory * MB * 3) / 4", "(memory * MB * 3) / 5"],
    ['base.sharedBuffers >= 2 * GB ? "try"', 'base.sharedBuffers > 2 * GB ? "try"'],
    ["Math.max(8, base.parallelWorkers + base.cronJobs + OTHER_WORKERS)", "Math.max(8, base.parallelWorkers)"],
  ),
  ...of(
    "tuning/memory.ts",
    ["demand.sharedBuffers * BUFFER_OVERHEAD + SHARED_FIXED", "demand.sharedBuffers + SHARED_FIXED"],
    ["[low, high + 1]", "[low, high]"],
  ),
  ...of(
    "tuning/units.ts",
    ["rounded % 2 !== 0 ? rounded - 1", "rounded % 2 === 0 ? rounded - 1"],
    ["/^[+-]?0[0-7]+$/", "/^[+-]?0[0-9]+$/"],
  ),
  ...of("tuning/pg-hba.ts", ["/^(127\\.|0\\.0\\.0\\.0$)/", "/^127\\./"]),
  ...of(
    "tuning/contradictions.ts",
    ["if (sharedBuffers >= memory)", "if (sharedBuffers > memory)"],
    ["reserved >= values.number", "reserved > values.number"],
  ),
  ...of("config/order.ts", ["needs(name).forEach(visit);", ""]),
  ...of(
    "config/schedule.ts",
    ["value % 7", "value"],
    ["(to ?? from) > field.max", "(to ?? from) > field.max + 1"],
    ["Number(seconds[1]) <= 59", "Number(seconds[1]) <= 60"],
  ),
  ...of("config/object-name.ts", ["RESERVED.has(name) ? quote(name)", "false ? quote(name)"]),
  ...of("config/rules/jobs.ts", ["roles.includes(database.owner) || ", ""]),
  ...of("config/rules/backup.ts", ["first < i", "first < i - 1"]),
  ...of("adopt/grants.ts", ["existing.size === objects.length &&", "existing.size >= objects.length &&"]),
  ...of("provider/visible-text.ts", ["\\p{Cc}\\p{Cf}", "\\p{Cc}"], ["/^ {2}|^$/", "/^ *|^$/"]),
  ...of("provider/batch.ts", ["this.next.delete(host);", ""]),
  ...of(
    "provider/kinds/role/compare.ts",
    ["declared === KEPT || verifier === declared", "verifier === declared"],
    ["if (!memberOf.includes(group)) return [];", "if (memberOf.includes(group)) return [];"],
  ),
  ...of("provider/kinds/role/statements.ts", [
    'literal(inputs.validUntil ?? "infinity")',
    'literal(inputs.validUntil ?? "")',
  ]),
  ...of("provider/kinds/migrations/files/file-name.ts", ["BigInt(a) === BigInt(b)", "a === b"]),
  ...of(
    "provider/kinds/migrations/backfill/throttle.ts",
    ["Math.max(1, this.blocks >> 1)", "Math.max(1, this.blocks)"],
    ["blocks > 1 && rowsIn", "blocks > 2 && rowsIn"],
  ),
  ...of(
    "provider/kinds/migrations/locks/lock-analysis.ts",
    ["found.slice(i + 1).some", "found.slice(i).some"],
    ["(this.created.has(name)) return undefined", "(!this.created.has(name)) return undefined"],
    ["check.valid ||= check.name === operation.name", "check.valid ||= true"],
  ),
  ...of(
    "report/blocks.ts",
    ["Math.max(2, longestTicks(shown)) + 1", "Math.max(2, longestTicks(shown))"],
    ["room -= size(open) + size(close);", "room -= size(open);"],
  ),
  ...of("report/drift.ts", ["changed.length + undeclared.length > 0", "changed.length > 0"]),
  ...of(
    "backup/target.ts",
    ["timestamp.stop * 1000 < momentOf", "timestamp.stop * 1000 <= momentOf"],
    ["position(lsn.stop) <= position", "position(lsn.stop) < position"],
    ["segmentNumber(backup.archive.start) + 1)", "segmentNumber(backup.archive.start))"],
  ),
];
