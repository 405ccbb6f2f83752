import type { Stack } from "./stack";

/** What would be left when an ephemeral stack has gone, or be in the way of its going. */
export function checkEphemeral(
  { ephemeral, protect, backup, databases }: Stack,
  report: (key: string, text: string) => void,
): void {
  if (!ephemeral) return;
  if (protect)
    report("protect", "true, and the stack is ephemeral: it goes when its time is over; take one of them out");
  if (backup) report("backup", "an ephemeral stack has no backups, which would be left when it goes; take it out");
  for (const [name, { partitions }] of Object.entries(databases)) {
    for (const [table, { retention }] of Object.entries(partitions?.sets ?? {})) {
      if (retention?.dump)
        report(
          `databases.${name}.partitions.sets["${table}"].retention.dump`,
          "an ephemeral stack has no backups, nor dumps; take it out",
        );
    }
  }
}
