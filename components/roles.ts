import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import type { RoleConfig } from "../config/stack";
import { milliseconds } from "../config/units";
import type { RoleDeclaration } from "../provider/kinds/role-drift";
import { Password, RoleSettings, type Provider } from "../provider/resources";

export interface RolesArgs {
  roles: Record<string, RoleConfig>;
  /** Passwords that the stack file gives, by role. */
  passwords: pulumi.Output<Record<string, string>>;
  passwordsGiven: string[];
  pgwright: Provider;
  postgres: postgresql.Provider;
}

/** Roles in an order in which those that others are members of come first. */
export function membershipOrder(roles: Record<string, { memberOf: string[] }>): string[] {
  const order: string[] = [];
  const visit = (name: string) => {
    if (order.includes(name) || !roles[name]) return;
    roles[name].memberOf.forEach(visit);
    order.push(name);
  };
  Object.keys(roles).forEach(visit);
  return order;
}

function settingsOf({ settings }: RoleConfig): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, String(value)]));
}

/** A role that has no parameters is no difference. */
function withoutEmpty(roles: Record<string, Record<string, string>>): Record<string, Record<string, string>> {
  return Object.fromEntries(Object.entries(roles).filter(([, settings]) => Object.keys(settings).length > 0));
}

/** What the Role resource sets, for whoever looks whether it still holds. */
function declarationOf(config: RoleConfig): RoleDeclaration {
  const { login, inherit, createDatabase, createRole, replication, bypassRowLevelSecurity, connectionLimit } = config;
  return {
    login,
    inherit,
    createDatabase,
    createRole,
    replication,
    bypassRowLevelSecurity,
    connectionLimit,
    validUntil: config.validUntil,
    memberOf: [...config.memberOf].sort(),
    searchPath: config.searchPath,
    statementTimeout: config.statementTimeout,
  };
}

/** The roles of the server, with their memberships, limits and parameters. */
export class Roles extends pulumi.ComponentResource {
  public readonly roles: Record<string, postgresql.Role> = {};
  /** Passwords of the roles that may log in. */
  public readonly passwords: Record<string, pulumi.Output<string>> = {};
  /** Everything that must be there before a role is used. */
  public readonly ready: pulumi.Resource[] = [];

  constructor(name: string, args: RolesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Roles", name, {}, opts);
    for (const role of membershipOrder(args.roles)) {
      const config = args.roles[role] as RoleConfig;
      const password = config.login && config.password ? this.password(role, config, args) : undefined;
      const resource = new postgresql.Role(
        role,
        {
          name: role,
          login: config.login,
          password: password?.verifier,
          roles: [...config.memberOf].sort(),
          connectionLimit: config.connectionLimit,
          validUntil: config.validUntil,
          searchPaths: config.searchPath,
          statementTimeout: config.statementTimeout ? milliseconds(config.statementTimeout) : undefined,
          inherit: config.inherit,
          createDatabase: config.createDatabase,
          createRole: config.createRole,
          replication: config.replication,
          bypassRowLevelSecurity: config.bypassRowLevelSecurity,
        },
        {
          parent: this,
          provider: args.postgres,
          dependsOn: config.memberOf.flatMap((group) => this.roles[group] ?? []),
        },
      );
      this.roles[role] = resource;
      this.ready.push(resource);
    }
    const byRole = <T>(of: (config: RoleConfig) => T) =>
      Object.fromEntries(Object.entries(args.roles).map(([role, config]) => [role, of(config)]));
    this.ready.push(
      new RoleSettings(
        name,
        { roles: withoutEmpty(byRole(settingsOf)), declared: byRole(declarationOf) },
        { parent: this, provider: args.pgwright, dependsOn: [...this.ready] },
      ),
    );
    this.registerOutputs({});
  }

  private password(role: string, config: RoleConfig, args: RolesArgs): Password {
    const given = args.passwordsGiven.includes(role) ? args.passwords.apply((all) => all[role] as string) : undefined;
    const password = new Password(
      role,
      { role, value: given, rotation: config.passwordRotation },
      { parent: this, provider: args.pgwright },
    );
    this.passwords[role] = password.password;
    return password;
  }
}
