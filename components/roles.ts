import * as pulumi from "@pulumi/pulumi";
import { sortByNeeds } from "../config/order";
import type { RoleConfig } from "../config/roles";
import { KEPT } from "../provider/kinds/role/compare";
import type { RoleInputs } from "../provider/kinds/role/inputs";
import { Password, Role, type Provider } from "../provider/resources";

export interface RolesArgs {
  roles: Record<string, RoleConfig>;
  /** Passwords that the stack file declares, by role. */
  passwords: pulumi.Output<Record<string, string>>;
  passwordsGiven: string[];
  pgwright: Provider;
}

/** Names of the roles, each after the roles that it is a member of. */
export function membershipOrder(roles: Record<string, { memberOf: string[] }>): string[] {
  return sortByNeeds(Object.keys(roles), (name) => roles[name]?.memberOf ?? []);
}

function settingsOf({ settings }: RoleConfig): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, String(value)]));
}

/** Inputs of the resource of a role, except the verifier of its password. */
export function roleInputs(
  name: string,
  config: RoleConfig,
  declaredRoles: string[],
): Omit<RoleInputs, "superuser" | "byHand"> {
  const inputs = {
    ...config,
    name,
    memberOf: [...new Set(config.memberOf)].sort(),
    settings: settingsOf(config),
    ...(config.createRole ? { declaredRoles } : {}),
    verifier: config.password === "keep" ? KEPT : undefined,
    // The resource Password handles these.
    password: undefined,
    passwordRotation: undefined,
  };
  return inputs;
}

/** The roles of the server, with their memberships, limits and parameters. */
export class Roles extends pulumi.ComponentResource {
  /** Passwords of the roles that may log in. */
  public readonly passwords: Record<string, pulumi.Output<string>> = {};
  /** Resources that must exist before a role is used. */
  public readonly ready: pulumi.Resource[] = [];

  constructor(name: string, args: RolesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Roles", name, {}, opts);
    const created: Record<string, Role> = {};
    for (const name of membershipOrder(args.roles)) {
      const config = args.roles[name] as RoleConfig;
      const hasPassword = config.login && config.password === true;
      const verifier = hasPassword ? { verifier: this.password(name, config.passwordRotation, args).verifier } : {};
      created[name] = new Role(
        name,
        { ...roleInputs(name, config, Object.keys(args.roles)), ...verifier },
        {
          parent: this,
          provider: args.pgwright,
          dependsOn: config.memberOf.flatMap((group) => created[group] ?? []),
        },
      );
      this.ready.push(created[name]);
    }
    this.registerOutputs({});
  }

  private password(role: string, rotation: string | undefined, args: RolesArgs): Password {
    const given = args.passwordsGiven.includes(role) ? args.passwords.apply((all) => all[role] as string) : undefined;
    const password = new Password(role, { role, value: given, rotation }, { parent: this, provider: args.pgwright });
    this.passwords[role] = password.password;
    return password;
  }
}
