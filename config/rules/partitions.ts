import { parseObjectName, WRITE_OBJECT_NAME } from "../object-name";
import { needsSchema, type Rule } from "./rule";

/** Sets of partitions, against the schemas of their database and the dumps of the backup. */
export const checkPartitions: Rule = (stack, report) => {
  for (const [name, { partitions }] of Object.entries(stack.databases)) {
    for (const [table, { retention }] of Object.entries(partitions?.sets ?? {})) {
      const at = `databases.${name}.partitions.sets["${table}"]`;
      const parsed = parseObjectName(table);
      if (parsed) needsSchema(stack, report, at, name, parsed.schema);
      else report(at, WRITE_OBJECT_NAME);
      if (retention?.schema) needsSchema(stack, report, `${at}.retention.schema`, name, retention.schema);
      if (retention?.dump && !stack.backup?.dumps && !stack.ephemeral)
        report(`${at}.retention.dump`, "the backup agent writes the dumps; declare backup: {dumps: {}} too");
    }
  }
};
