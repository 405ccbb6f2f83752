import type { Drill } from "../../../backup/ledgers";

export const describeEvidence = ({ drill: name, backup, recovered_to, seconds }: Drill) =>
  `${name} has passed: from ${backup}, recovered to ${recovered_to}, in ${seconds} s`;

/** Checks of the first drill that failed on the server too, and so do not fail this drill. */
export const notYet = ({ checks }: Drill) =>
  checks
    .filter(({ detail }) => detail?.startsWith("not yet: "))
    .map(({ what, detail }) => `${what}: ${detail}; it must hold from the next drill on`);
