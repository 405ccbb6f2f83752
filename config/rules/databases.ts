import { SYSTEM_DATABASES } from "../databases";
import { needsRole, needsSchema, type Rule } from "./rule";

/** Names and owners of databases and schemas. */
export const checkDatabases: Rule = (stack, report) => {
  for (const [name, { owner, schemas, dropSchemas, migrations }] of Object.entries(stack.databases)) {
    const key = `databases.${name}`;
    if (SYSTEM_DATABASES.includes(name)) report(key, "this is a system database; choose another name");
    needsRole(stack, report, `${key}.owner`, owner);
    for (const [schema, { owner: schemaOwner }] of Object.entries(schemas)) {
      const at = `${key}.schemas.${schema}`;
      if (schema === "public" || schema.startsWith("pg_") || schema === "information_schema")
        report(at, "this schema belongs to PostgreSQL; remove it from schemas");
      if (schema === "pgwright") report(at, "pgwright creates this schema; remove it from schemas");
      if (schemaOwner) needsRole(stack, report, `${at}.owner`, schemaOwner);
    }
    dropSchemas.forEach((schema, i) => {
      if (schema === "public" || schema in schemas)
        report(`${key}.dropSchemas[${i}]`, `"${schema}" is also in schemas; remove it from one of them`);
    });
    if (migrations?.role) needsRole(stack, report, `${key}.migrations.role`, migrations.role);
  }
};

/** Extensions, against the schemas of their database and the packages of the image. */
export const checkExtensions: Rule = (stack, report) => {
  const { name: ready, base, packages } = stack.image;
  // Another image or base may contain PostGIS; CREATE EXTENSION fails if it does not.
  const mayHavePostgis = ready || base || packages.some((each) => each.startsWith("postgresql-17-postgis-3"));
  for (const [name, { extensions }] of Object.entries(stack.databases)) {
    for (const [extension, { schema }] of Object.entries(extensions)) {
      const key = `databases.${name}.extensions.${extension}`;
      if (extension === "postgis" && !mayHavePostgis)
        report(key, "the image has no PostGIS; set image.packages: [postgresql-17-postgis-3]");
      if (extension === "pg_cron")
        report(key, "only one database of a server can hold pg_cron; set server.cronDatabase instead");
      if (schema) needsSchema(stack, report, `${key}.schema`, name, schema);
    }
  }
};
