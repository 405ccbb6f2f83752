import * as pulumi from "@pulumi/pulumi";
import { hashLibrary } from "../sql/read";
import type { Guards } from "./hazard";
import type { AccessInputs } from "./kinds/access";
import { formatGrants } from "./kinds/access/privileges";
import type { BackupConfigurationInputs } from "./kinds/backup-configuration";
import type { BackupsInputs } from "./kinds/backups";
import type { ClusterInputs } from "./kinds/cluster";
import type { ConfigurationInputs } from "./kinds/configuration";
import type { CronJobInputs } from "./kinds/cron-job";
import type { DatabaseInputs } from "./kinds/database";
import type { InventoryInputs } from "./kinds/inventory";
import type { LibraryInputs } from "./kinds/library";
import type { MigrationsInputs } from "./kinds/migrations";
import { wantedMigrations } from "./kinds/migrations/file";
import { newestVersion } from "./kinds/migrations/file-name";
import { parametersOf } from "./kinds/parameters";
import type { PartitionSetInputs } from "./kinds/partition-set";
import type { PasswordInputs } from "./kinds/password";
import type { PresenceInputs } from "./kinds/presence";
import type { ProtectionInputs } from "./kinds/protection";
import type { RestoreDrillInputs } from "./kinds/restore-drill";
import type { RoleInputs } from "./kinds/role";
import { SUPERUSER_SETTINGS } from "./superuser-settings";
import type { ServerInputs } from "./kinds/server";
import type { TieredTableInputs } from "./kinds/tiered-table";
import type { VectorIndexInputs } from "./kinds/vector-index";

/** Every property of `T` may also be an output of another resource. */
export type Args<T> = { [K in keyof T]: pulumi.Input<T[K] extends object | undefined ? pulumi.Unwrap<T[K]> : T[K]> };

// The resources of this plugin as a Pulumi program declares them. Each is implemented in a file or folder of kinds/.

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

export class Presence extends pulumi.CustomResource {
  declare readonly generation: pulumi.Output<number>;

  constructor(name: string, args: Omit<PresenceInputs, "present">, opts?: pulumi.CustomResourceOptions) {
    super("pgwright:index:Presence", name, { ...args, present: true, generation: undefined }, opts);
  }
}

export class Password extends pulumi.CustomResource {
  declare readonly password: pulumi.Output<string>;
  declare readonly verifier: pulumi.Output<string>;

  constructor(name: string, args: Args<PasswordInputs>, opts?: pulumi.CustomResourceOptions) {
    super(
      "pgwright:index:Password",
      name,
      { ...args, password: undefined, verifier: undefined },
      pulumi.mergeOptions(opts, { additionalSecretOutputs: ["password", "verifier"] }),
    );
  }
}

export class RestoreDrill extends pulumi.CustomResource {
  constructor(name: string, args: Args<Omit<RestoreDrillInputs, "proven">>, opts?: pulumi.CustomResourceOptions) {
    super("pgwright:index:RestoreDrill", name, { ...args, proven: true }, opts);
  }
}

export class Cluster extends pulumi.CustomResource {
  /** Name of the volume in use. */
  declare readonly volume: pulumi.Output<string>;
  declare readonly generation: pulumi.Output<number>;

  constructor(name: string, args: Args<Omit<ClusterInputs, "present">>, opts?: pulumi.CustomResourceOptions) {
    const wanted = { ...args, present: true, volume: undefined, previous: undefined, generation: undefined };
    super(
      "pgwright:index:Cluster",
      name,
      wanted,
      pulumi.mergeOptions(opts, {
        additionalSecretOutputs: ["fromSecrets", "ownSecrets"],
        // Earlier versions declared a plain Docker volume.
        aliases: [{ type: "docker:index/volume:Volume" }],
      }),
    );
  }
}

export class Configuration extends pulumi.CustomResource {
  constructor(
    name: string,
    args: Args<Omit<ConfigurationInputs, "settings" | "parameters">> & Pick<ConfigurationInputs, "settings">,
    opts?: pulumi.CustomResourceOptions,
  ) {
    super("pgwright:index:Configuration", name, { ...args, parameters: parametersOf(args.settings) }, opts);
  }
}

export class BackupConfiguration extends pulumi.CustomResource {
  constructor(name: string, args: Args<BackupConfigurationInputs>, opts?: pulumi.CustomResourceOptions) {
    super(
      "pgwright:index:BackupConfiguration",
      name,
      { ...args, passphrase: undefined },
      pulumi.mergeOptions(opts, { additionalSecretOutputs: ["secrets"] }),
    );
  }
}

export class Backups extends pulumi.CustomResource {
  constructor(name: string, args: Args<Omit<BackupsInputs, "ready">>, opts?: pulumi.CustomResourceOptions) {
    super("pgwright:index:Backups", name, { ...args, ready: true }, opts);
  }
}

export class Server extends pulumi.CustomResource {
  declare readonly version: pulumi.Output<string>;

  constructor(
    name: string,
    args: Args<Omit<ServerInputs, "running" | "alterSystem" | "superuserSettings">>,
    opts?: pulumi.CustomResourceOptions,
  ) {
    const found = { running: true, alterSystem: {}, superuserSettings: SUPERUSER_SETTINGS, version: undefined };
    const wanted = { ...args, ...found };
    super("pgwright:index:Server", name, wanted, pulumi.mergeOptions(opts, { additionalSecretOutputs: ["verifier"] }));
  }
}

export class Role extends pulumi.CustomResource {
  constructor(name: string, args: Args<Omit<RoleInputs, "superuser" | "byHand">>, opts?: pulumi.CustomResourceOptions) {
    super(
      "pgwright:index:Role",
      name,
      { ...args, superuser: false, byHand: [] },
      pulumi.mergeOptions(opts, {
        additionalSecretOutputs: ["verifier"],
        aliases: [{ type: "postgresql:index/role:Role" }],
      }),
    );
  }
}

export class Database extends pulumi.CustomResource {
  declare readonly name: pulumi.Output<string>;

  constructor(name: string, args: Args<DatabaseInputs>, opts?: pulumi.CustomResourceOptions) {
    super(
      "pgwright:index:Database",
      name,
      args,
      pulumi.mergeOptions(opts, { aliases: [{ type: "postgresql:index/database:Database" }] }),
    );
  }
}

export class Access extends pulumi.CustomResource {
  constructor(name: string, args: Omit<AccessInputs, "privileges" | "migrated">, opts?: pulumi.CustomResourceOptions) {
    const migrated = args.migrations.length > 0 ? newestVersion(args.migrations) : undefined;
    super("pgwright:index:Access", name, { ...args, privileges: formatGrants(args.grants), migrated }, opts);
  }
}

export class Migrations extends pulumi.CustomResource {
  constructor(name: string, args: Omit<MigrationsInputs, "applied">, opts?: pulumi.CustomResourceOptions) {
    super("pgwright:index:Migrations", name, { ...args, applied: wantedMigrations(args.files, args.target) }, opts);
  }
}

export class CronJob extends pulumi.CustomResource {
  declare readonly jobId: pulumi.Output<string>;

  constructor(name: string, args: CronJobInputs, opts?: pulumi.CustomResourceOptions) {
    super("pgwright:index:CronJob", name, { ...args, jobId: undefined }, opts);
  }
}

export class Inventory extends pulumi.CustomResource {
  constructor(name: string, args: InventoryInputs, opts?: pulumi.CustomResourceOptions) {
    super("pgwright:index:Inventory", name, args, opts);
  }
}

export class Protection extends pulumi.CustomResource {
  constructor(name: string, args: ProtectionInputs, opts?: pulumi.CustomResourceOptions) {
    super("pgwright:index:Protection", name, args, opts);
  }
}

export class Library extends pulumi.CustomResource {
  constructor(name: string, args: Omit<LibraryInputs, "files">, opts?: pulumi.CustomResourceOptions) {
    super("pgwright:index:Library", name, { ...args, files: hashLibrary(args.library) }, opts);
  }
}

export class PartitionSet extends pulumi.CustomResource {
  constructor(name: string, args: Omit<PartitionSetInputs, "byHand">, opts?: pulumi.CustomResourceOptions) {
    super("pgwright:index:PartitionSet", name, { ...args, byHand: {} }, opts);
  }
}

export class TieredTable extends pulumi.CustomResource {
  constructor(name: string, args: Omit<TieredTableInputs, "problems">, opts?: pulumi.CustomResourceOptions) {
    super("pgwright:index:TieredTable", name, { ...args, problems: [] }, opts);
  }
}

export class VectorIndex extends pulumi.CustomResource {
  constructor(name: string, args: Omit<VectorIndexInputs, "problems">, opts?: pulumi.CustomResourceOptions) {
    super("pgwright:index:VectorIndex", name, { ...args, problems: [] }, opts);
  }
}
