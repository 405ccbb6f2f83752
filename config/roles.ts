import { z } from "zod";
import { allowed, identifier, key, noLimit, settingValue, text } from "./key";

// Roles in the stack file.

const duration = z
  .string()
  .regex(/^\d+(ms|s|min|h|d)$/)
  .meta(allowed("a whole number and ms, s, min, h or d, such as 30s or 5min"));

export const roleSchema = z
  .strictObject({
    login: z
      .boolean()
      .default(false)
      .meta(
        key(
          "May have sessions, as clients and cron jobs need. A password is made up unless pgwright:passwords gives one.",
          true,
        ),
      ),
    password: z
      .union([z.boolean(), z.literal("keep")])
      .default(true)
      .meta({
        ...key(
          "Has a password. Without one it may run jobs, and nobody can connect as it over the network. keep: a role that is there already has the one that it has, which nobody needs to know.",
          "keep",
        ),
        ...allowed("true, false or keep"),
      }),
    memberOf: z
      .array(identifier)
      .default([])
      .meta(key("Roles whose privileges this role has.", ["readonly_role", "pg_monitor"])),
    connectionLimit: z
      .int()
      .min(-1)
      .default(-1)
      .meta(key(`Most sessions at a time; ${noLimit}.`, 20)),
    validUntil: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({
        ...key("The password is refused from then on.", "2030-01-01T00:00:00Z"),
        ...allowed('a time with its offset, in quotes, such as "2030-01-01T00:00:00Z"'),
      }),
    searchPath: z
      .array(identifier)
      .optional()
      .meta(key("Schemas that unqualified names are looked up in.", ["shop", "extensions"])),
    statementTimeout: duration.optional().meta(key("Longest run of a statement.", "30s")),
    settings: z
      .record(z.string(), settingValue)
      .default({})
      .meta(key("Parameters of this role's sessions.", { lock_timeout: "5s" })),
    inherit: z.boolean().default(true).meta(key("Has the privileges of its roles without SET ROLE.", false)),
    createDatabase: z.boolean().default(false).meta(key("May make databases (CREATEDB).", true)),
    createRole: z
      .boolean()
      .default(false)
      .meta(
        key(
          "May make roles (CREATEROLE). The roles that it has made stay its own to alter, grant and drop, also those that the stack file declares.",
          true,
        ),
      ),
    replication: z
      .boolean()
      .default(false)
      .meta(
        key(
          "May stream the WAL and make replication slots (REPLICATION), as pg_basebackup and standbys do, with its password from server.allowFrom.",
          true,
        ),
      ),
    bypassRowLevelSecurity: z
      .boolean()
      .default(false)
      .meta(key("Row-level security does not hold for it (BYPASSRLS).", true)),
    passwordRotation: text.optional().meta(key("Another text than before makes up a new password.", "autumn")),
  })
  .refine(({ settings }) => !Object.keys(settings).some((name) => /^(search_path|statement_timeout)$/i.test(name)), {
    message: "search_path and statement_timeout have keys of their own: searchPath and statementTimeout",
    path: ["settings"],
  })
  .refine(({ password, passwordRotation }) => password !== "keep" || passwordRotation === undefined, {
    message: "password: keep and passwordRotation exclude each other: keep it, or have a new one made up",
    path: ["passwordRotation"],
  });

export type RoleConfig = z.output<typeof roleSchema>;
