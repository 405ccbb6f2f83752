-- Which libraries of functions a database has: the hash of their files, and of what the server has made of them.
CREATE SCHEMA IF NOT EXISTS pgwright;
CREATE TABLE IF NOT EXISTS pgwright.libraries (
  name text PRIMARY KEY,
  files text NOT NULL,
  routines text NOT NULL,
  installed_at timestamptz NOT NULL DEFAULT now()
);
