// Who may import whom: `npm run check` reads this table, and CONTRIBUTING.md and docs/architecture.md show it.

const PULUMI = "node_modules/@pulumi/";
const SERVER = "node_modules/pg/|^(child_process|net)$";
const FILES = "^fs(/promises)?$";

/** Of each folder: what it may import beside itself and packages, and what it never imports. */
const FOLDERS = {
  tuning: { uses: [], never: { Pulumi: PULUMI, "a server": SERVER, files: FILES }, except: ["tuning/extract.ts"] },
  sql: { uses: [], never: { Pulumi: PULUMI, "a server": SERVER } },
  config: {
    uses: ["tuning", "backup/archive-settings.ts"],
    never: { Pulumi: PULUMI, "a server": SERVER },
    except: ["config/read.ts"],
  },
  backup: {
    uses: ["config", "tuning/defaults.ts"],
    never: { Pulumi: PULUMI, "a server": SERVER, files: FILES },
  },
  provider: { uses: ["tuning", "sql", "backup", "config/object-name.ts"], never: {} },
  components: { uses: ["config", "tuning", "backup", "sql", "provider"], never: { "a server": SERVER } },
  "index.ts": { uses: ["config", "components", "provider/visible-text.ts"], never: { "a server": SERVER } },
  report: {
    uses: ["provider/hazard.ts", "provider/unknown.ts", "provider/urn.ts", "provider/visible-text.ts"],
    never: { Pulumi: PULUMI, "a server": SERVER, files: FILES },
  },
  adopt: {
    uses: [
      "config",
      "tuning",
      "components/access.ts",
      "components/roles.ts",
      "provider/catalog-query.ts",
      "provider/kinds/access",
      "provider/kinds/migrations/files/foreign-ledger.ts",
      "provider/kinds/role",
      "provider/visible-text.ts",
    ],
    never: { Pulumi: PULUMI, "a server": SERVER, files: FILES },
  },
  toolchain: { uses: [], never: { Pulumi: PULUMI } },
  image: { uses: ["toolchain"], never: { Pulumi: PULUMI } },
  cli: {
    uses: ["toolchain", "report", "adopt", "backup/paths.ts", "config", "sql", "provider", "components/image.ts"],
    never: { Pulumi: PULUMI },
  },
};

/** Of each part of the kind Migrations: the other parts that it may import. */
const MIGRATIONS = {
  statements: [],
  files: ["statements"],
  locks: ["statements"],
  backfill: ["statements", "files", "session.ts"],
  run: ["statements", "files", "backfill", "session.ts"],
};

/** The files of a kind, with what they hold. Each imports only files above it; the files of one line may import each other. */
const KIND = [
  { files: ["inputs"], hold: "inputs, state and declaration" },
  { files: ["catalog", "statements", "compare"], hold: "what it reads, the statements that it runs, what it compares" },
  { files: ["report"], hold: "what it reports in a preview, and what it refuses" },
  { files: ["execute"], hold: "what an update does" },
  { files: ["index"], hold: "the handlers that the plugin calls" },
];

module.exports = { FOLDERS, MIGRATIONS, KIND };
