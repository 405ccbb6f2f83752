import * as pulumi from "@pulumi/pulumi";
import { tokenOf, type AnyDeclaration, type Declaration } from "./declaration";
import type { Guards } from "./hazard";
import { declaration as access } from "./kinds/access/inputs";
import { declaration as backupConfiguration } from "./kinds/backup-configuration/inputs";
import { declaration as backups } from "./kinds/backups/inputs";
import { declaration as cluster } from "./kinds/cluster/inputs";
import { declaration as configuration } from "./kinds/configuration/inputs";
import { declaration as cronJob } from "./kinds/cron-job/inputs";
import { declaration as database } from "./kinds/database/inputs";
import { declaration as inventory } from "./kinds/inventory/inputs";
import { declaration as library } from "./kinds/library/inputs";
import { declaration as migrations } from "./kinds/migrations/inputs";
import { declaration as partitionSet } from "./kinds/partition-set/inputs";
import { declaration as password } from "./kinds/password/inputs";
import { declaration as presence } from "./kinds/presence/inputs";
import { declaration as protection } from "./kinds/protection/inputs";
import { declaration as restoreDrill } from "./kinds/restore-drill/inputs";
import { declaration as role } from "./kinds/role/inputs";
import { declaration as server } from "./kinds/server/inputs";
import { declaration as tieredTable } from "./kinds/tiered-table/inputs";
import { declaration as vectorIndex } from "./kinds/vector-index/inputs";

/** Every property of `T` may also be an output of another resource. */
export type Args<T> = { [K in keyof T]: pulumi.Input<T[K] extends object | undefined ? pulumi.Unwrap<T[K]> : T[K]> };

/** The class by which a program declares a kind: its arguments are the inputs, but for those that the plugin adds. */
type ResourceClass<I extends object, S extends I, W extends keyof I> = new (
  name: string,
  args: Args<Omit<I, W>>,
  opts?: pulumi.CustomResourceOptions,
) => pulumi.CustomResource & { readonly [K in keyof S]: pulumi.Output<S[K]> };

function resource<I extends object, S extends I, W extends keyof I>(
  declaration: Declaration<I, S, W>,
): ResourceClass<I, S, W> {
  const { outputs = [], secrets = [], aliases = [] } = declaration as AnyDeclaration;
  const computed = Object.fromEntries(outputs.map((name) => [name, undefined]));
  const made = class extends pulumi.CustomResource {
    constructor(name: string, args: object, opts?: pulumi.CustomResourceOptions) {
      const own = { additionalSecretOutputs: [...secrets], aliases: [...aliases] };
      super(tokenOf(declaration), name, { ...args, ...computed }, pulumi.mergeOptions(opts, own));
    }
  };
  return made as unknown as ResourceClass<I, S, W>;
}

/** The plugin, bound to one container that runs PostgreSQL. */
export class Provider extends pulumi.ProviderResource {
  constructor(
    name: string,
    { guards, ...args }: { container: string; engine?: string; guards?: Guards },
    opts?: pulumi.ResourceOptions,
  ) {
    super("pgwright", name, { ...args, guards: guards && JSON.stringify(guards) }, opts);
  }
}

// The kinds of this plugin.

export class Access extends resource(access) {}
export class BackupConfiguration extends resource(backupConfiguration) {}
export class Backups extends resource(backups) {}
export class Cluster extends resource(cluster) {}
export class Configuration extends resource(configuration) {}
export class CronJob extends resource(cronJob) {}
export class Database extends resource(database) {}
export class Inventory extends resource(inventory) {}
export class Library extends resource(library) {}
export class Migrations extends resource(migrations) {}
export class PartitionSet extends resource(partitionSet) {}
export class Password extends resource(password) {}
export class Presence extends resource(presence) {}
export class Protection extends resource(protection) {}
export class RestoreDrill extends resource(restoreDrill) {}
export class Role extends resource(role) {}
export class Server extends resource(server) {}
export class TieredTable extends resource(tieredTable) {}
export class VectorIndex extends resource(vectorIndex) {}
