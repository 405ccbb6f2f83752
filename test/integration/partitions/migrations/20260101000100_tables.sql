-- migrate:up
CREATE TABLE data.events (
  id bigint GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL,
  tenant int NOT NULL,
  PRIMARY KEY (id, at, tenant)
) PARTITION BY RANGE (at);
CREATE TABLE data.logs (at timestamptz NOT NULL, line text) PARTITION BY RANGE (at);
CREATE TABLE data.logs_default PARTITION OF data.logs DEFAULT;
CREATE TABLE data.tenants (region text NOT NULL, name text) PARTITION BY LIST (region);
CREATE TABLE data.users (id bigint NOT NULL, name text) PARTITION BY HASH (id);

-- migrate:down
DROP TABLE data.events, data.logs, data.tenants, data.users;
