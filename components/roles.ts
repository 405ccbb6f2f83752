import * as pulumi from "@pulumi/pulumi";
import { inOrder } from "../config/order";
import type { RoleConfig } from "../config/roles";
import { KEPT, type RoleInputs } from "../provider/kinds/role/changes";
import { Password, Role, type Provider } from "../provider/resources";

export interface RolesArgs {
  roles: Record<string, RoleConfig>;
  /** Passwords that the stack file gives, by role. */
  passwords: pulumi.Output<Record<string, string>>;
  passwordsGiven: string[];
  pgwright: Provider;
}

/** Roles in an order in which those that others are members of come first. */
export function membershipOrder(roles: Record<string, { memberOf: string[] }>): string[] {
  return inOrder(Object.keys(roles), (name) => roles[name]?.memberOf ?? []);
}

function settingsOf({ settings }: RoleConfig): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, String(value)]));
}

/** What the resource of a role gets, beside the verifier of a password that is made or given. */
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
    // These are about passwords; the rest is the role's declaration.
    password: undefined,
    passwordRotation: undefined,
  };
  return inputs;
}

/** The roles of the server, with their memberships, limits and parameters. */
export class Roles extends pulumi.ComponentResource {
  /** Passwords of the roles that may log in. */
  public readonly passwords: Record<string, pulumi.Output<string>> = {};
  /** Everything that must be there before a role is used. */
  public readonly ready: pulumi.Resource[] = [];

  constructor(name: string, args: RolesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Roles", name, {}, opts);
    const made: Record<string, Role> = {};
    for (const name of membershipOrder(args.roles)) {
      const config = args.roles[name] as RoleConfig;
      const hasPassword = config.login && config.password === true;
      const verifier = hasPassword ? { verifier: this.password(name, config.passwordRotation, args).verifier } : {};
      made[name] = new Role(
        name,
        { ...roleInputs(name, config, Object.keys(args.roles)), ...verifier },
        {
          parent: this,
          provider: args.pgwright,
          dependsOn: config.memberOf.flatMap((group) => made[group] ?? []),
        },
      );
      this.ready.push(made[name]);
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
