import * as pulumi from "@pulumi/pulumi";
import { checkedObjectName } from "../config/object-name";
import { minuteOffsetOf, type TieredTableConfig } from "../config/tiers";
import type { TieredTableInputs } from "../provider/kinds/tiered-table/inputs";
import { Library, TieredTable, type Provider } from "../provider/resources";

export interface TiersArgs {
  database: string;
  /** Tiered tables, by schema.name. */
  tables: Record<string, TieredTableConfig & { owner: string }>;
  pgwright: Provider;
}

/** Inputs of the resource of a tiered table. `table`: schema.name as in the stack file. */
export function wantedTieredTable(
  database: string,
  table: string,
  config: TieredTableConfig & { owner: string },
): Omit<TieredTableInputs, "problems"> {
  const { schema, name } = checkedObjectName(table);
  const { onRemove, ...rest } = config;
  const tablespaces = Object.fromEntries(
    Object.entries(config.tablespaces).flatMap(([tier, tablespace]) => (tablespace ? [[tier, tablespace]] : [])),
  );
  return {
    database,
    schema,
    name,
    config: { ...rest, tablespaces, minuteOffset: minuteOffsetOf(table, config) },
    onRemove,
  };
}

/** The tiered tables of a database and their library; Jobs declares the jobs that move their rows. */
export class Tiers extends pulumi.ComponentResource {
  public readonly ready: pulumi.Resource[] = [];

  constructor(name: string, args: TiersArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Tiers", name, {}, opts);
    const inDatabase = { parent: this, provider: args.pgwright };
    const { database } = args;
    const library = new Library(`${name}-tiers`, { database, library: "tiers" }, inDatabase);
    const tables = Object.entries(args.tables).map(
      ([table, config]) =>
        new TieredTable(`${name}.${table}`, wantedTieredTable(database, table, config), {
          ...inDatabase,
          dependsOn: [library],
        }),
    );
    this.ready.push(library, ...tables);
    this.registerOutputs({});
  }
}
