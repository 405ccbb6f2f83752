#!/bin/bash
# Starts PostgreSQL in the container; creates the cluster first if the data volume has none.
set -euo pipefail

config=/etc/pgwright/postgresql.conf

if [ "${1:-postgres}" != postgres ]; then
  exec "$@"
fi

if [ ! -e "$config" ]; then
  echo "pgwright: $config: missing on the configuration volume; npm run up writes it again" >&2
  exit 78 # EX_CONFIG
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # Created in another folder and renamed at the end, so that a cluster is always complete.
  unfinished="$PGDATA.unfinished"
  rm -rf "$unfinished"
  # With fsync off, initdb does not sync either.
  sync=()
  if grep -q "^fsync = 'off'" "$config"; then sync=(--no-sync); fi
  # The provider decides on order and case. pg_trgm and text search use LC_CTYPE: with C, they ignore letters outside ASCII.
  echo "pgwright: creating a new cluster in $PGDATA" "${sync[@]}"
  initdb "${sync[@]}" --pgdata="$unfinished" --username=postgres --data-checksums --encoding=UTF8 \
    --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C --lc-ctype=C.UTF-8 \
    --auth-local=peer --auth-host=scram-sha-256 --no-instructions >/dev/null
  mv "$unfinished" "$PGDATA"
fi

# The socket for other containers, and pgBackRest's spool directory.
# shellcheck disable=SC2174 # the parent folder exists
mkdir -p -m 0700 "${PGDATA%/*}/socket" "${PGDATA%/*}/spool"

exec postgres -D "$PGDATA" -c config_file="$config"
