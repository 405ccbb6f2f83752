import * as pulumi from "@pulumi/pulumi";
import { checkedObjectName, quoteWord } from "../config/object-name";
import type { PartitionSetConfig, PartitionsConfig } from "../config/partitions";
import type { PartitionSetInputs } from "../provider/kinds/partition-set/inputs";
import { Library, PartitionSet, type Provider } from "../provider/resources";

export interface PartitionsArgs extends PartitionsConfig {
  database: string;
  pgwright: Provider;
}

/** Inputs of the resource of a set of partitions. `table`: schema.name as in the stack file. */
export function wantedSet(
  database: string,
  table: string,
  config: PartitionSetConfig,
  maintainer?: string,
): Omit<PartitionSetInputs, "byHand"> {
  const { schema, name } = checkedObjectName(table);
  const { kind, interval, premake, start, zone, naming, overflow, retention, sub, values, modulus, convert } = config;
  const { tablespace, storage, indexes } = config;
  const text = (value: string | number | undefined) => (value === undefined ? undefined : String(value));
  const parameters = Object.entries(storage).map(([key, value]) => [key, String(value)]);
  return {
    database,
    // Key words stay without quotes: this text is the key of pgwright.partition_sets.
    parent: `${quoteWord(schema)}.${quoteWord(name)}`,
    kind,
    interval: text(interval),
    zone,
    premake,
    start: text(start)?.replace(" +0000 UTC", ""),
    naming,
    overflow,
    retention: retention && { ...retention, age: text(retention.age) },
    template: {
      ...(tablespace === undefined ? {} : { tablespace }),
      ...(parameters.length > 0 ? { storage: Object.fromEntries(parameters) } : {}),
      ...(indexes.length > 0 ? { indexes } : {}),
    },
    sub: sub && {
      by: sub.by,
      column: sub.column,
      ...(sub.by === "hash" ? { modulus: sub.modulus } : { values: sub.values, default: sub.default }),
    },
    values,
    modulus,
    convert,
    maintainer,
  };
}

/** The sets of partitions of a database and the library that maintains them; Jobs declares the job that calls it. */
export class Partitions extends pulumi.ComponentResource {
  public readonly ready: pulumi.Resource[] = [];

  constructor(name: string, args: PartitionsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Partitions", name, {}, opts);
    const inDatabase = { parent: this, provider: args.pgwright };
    const { database } = args;
    const library = new Library(`${name}-partitions`, { database, library: "partitions" }, inDatabase);
    const sets = Object.entries(args.sets).map(
      ([table, config]) =>
        new PartitionSet(`${name}.${table}`, wantedSet(database, table, config, args.role), {
          ...inDatabase,
          dependsOn: [library],
        }),
    );
    this.ready.push(library, ...sets);
    this.registerOutputs({});
  }
}
