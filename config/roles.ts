import { z } from "zod";
import { allowed, identifier, key, noLimit, settingValue, text } from "./key";
import { DURATION } from "./units";

// Roles in the stack file.

const duration = z.string().regex(DURATION).meta(allowed("a whole number and ms, s, min, h or d, such as 30s or 5min"));

export const roleSchema = z
  .strictObject({
    login: z
      .boolean()
      .default(false)
      .meta(
        key(
          "May log in, as clients and cron jobs must (LOGIN). A password is generated unless pgwright:passwords declares one.",
          true,
        ),
      ),
    password: z
      .union([z.boolean(), z.literal("keep")])
      .default(true)
      .meta({
        ...key(
          "Has a password. A role without one can run jobs, but cannot connect over the network. keep: an existing role keeps its password, which pgwright does not need to know.",
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
      .meta(key(`Maximum number of concurrent sessions; ${noLimit}.`, 20)),
    validUntil: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({
        ...key("Time from which the password is refused (VALID UNTIL).", "2030-01-01T00:00:00Z"),
        ...allowed('a time with its offset, in quotes, such as "2030-01-01T00:00:00Z"'),
      }),
    searchPath: z
      .array(identifier)
      .optional()
      .meta(key("Schemas in which unqualified names are looked up (search_path).", ["shop", "extensions"])),
    statementTimeout: duration.optional().meta(key("Maximum duration of a statement (statement_timeout).", "30s")),
    settings: z
      .record(z.string(), settingValue)
      .default({})
      .meta(key("Parameters of the role's sessions.", { lock_timeout: "5s" })),
    inherit: z
      .boolean()
      .default(true)
      .meta(key("Inherits the privileges of the roles in memberOf, without SET ROLE (INHERIT).", false)),
    createDatabase: z.boolean().default(false).meta(key("May create databases (CREATEDB).", true)),
    createRole: z
      .boolean()
      .default(false)
      .meta(
        key(
          "May create roles (CREATEROLE). It can alter, grant and drop the roles that it creates, also those that the stack file declares.",
          true,
        ),
      ),
    replication: z
      .boolean()
      .default(false)
      .meta(
        key(
          "May stream the WAL and create replication slots (REPLICATION), as pg_basebackup and standbys do, with its password from server.allowFrom.",
          true,
        ),
      ),
    bypassRowLevelSecurity: z.boolean().default(false).meta(key("Bypasses row-level security (BYPASSRLS).", true)),
    passwordRotation: text.optional().meta(key("A changed value generates a new password.", "autumn")),
  })
  .refine(({ settings }) => !Object.keys(settings).some((name) => /^(search_path|statement_timeout)$/i.test(name)), {
    message: "search_path and statement_timeout are not allowed here; write searchPath and statementTimeout",
    path: ["settings"],
  })
  .refine(({ password, passwordRotation }) => password !== "keep" || passwordRotation === undefined, {
    message: "password: keep and passwordRotation exclude each other; remove one of them",
    path: ["passwordRotation"],
  });

export type RoleConfig = z.output<typeof roleSchema>;
