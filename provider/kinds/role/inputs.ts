import { declare } from "../../declaration";

export interface RoleInputs {
  name: string;
  login: boolean;
  /** Never declared: the stack file has no superusers. */
  superuser: boolean;
  inherit: boolean;
  createDatabase: boolean;
  createRole: boolean;
  replication: boolean;
  bypassRowLevelSecurity: boolean;
  /** Maximum number of connections; -1: no limit. */
  connectionLimit: number;
  /** When the password expires; never if absent. */
  validUntil?: string;
  /** Sorted. */
  memberOf: string[];
  searchPath?: string[];
  /** A value of the parameter, such as `30s`. */
  statementTimeout?: string;
  /** Other parameters of the role. */
  settings: Record<string, string>;
  /** SCRAM verifier of the password, or KEPT; the role has no password if absent. */
  verifier?: string;
  /** The roles of the stack file, for a role with CREATEROLE: its memberships in other roles that it created are not managed. */
  declaredRoles?: string[];
  /** Drift that has no key above, such as an option of a membership; empty in the declaration. */
  byHand: string[];
}

export interface RoleState extends RoleInputs {
  /** Undeclared roles that it created and is a member of; compared once the stack file declares them. */
  madeMemberOf?: string[];
}

export const declaration = declare<RoleInputs, RoleState>()({
  type: "Role",
  secrets: ["verifier"],
  aliases: [{ type: "postgresql:index/role:Role" }],
  wanted: { superuser: () => false, byHand: () => [] },
});
