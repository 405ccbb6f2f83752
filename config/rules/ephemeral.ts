import type { Rule } from "./rule";

/** Reports keys that would prevent the removal of an ephemeral stack, or that would outlive it. */
export const checkEphemeral: Rule = ({ ephemeral, protect, backup, databases }, report) => {
  if (!ephemeral) return;
  if (protect) report("protect", "true: an ephemeral stack is removed when it expires; remove protect or ephemeral");
  if (backup) report("backup", "an ephemeral stack has no backups, which would outlive it; remove backup");
  for (const [name, { partitions }] of Object.entries(databases)) {
    for (const [table, { retention }] of Object.entries(partitions?.sets ?? {})) {
      if (retention?.dump)
        report(
          `databases.${name}.partitions.sets["${table}"].retention.dump`,
          "an ephemeral stack has no backups and no dumps; remove dump",
        );
    }
  }
};
