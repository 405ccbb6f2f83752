#!/bin/bash
# Starts PostgreSQL in the container: makes the cluster if the data volume holds none, then becomes the server.
set -euo pipefail

config=/etc/pgwright/postgresql.conf

if [ "${1:-postgres}" != postgres ]; then
  exec "$@"
fi

if [ ! -e "$config" ]; then
  echo "pgwright: $config is missing from the configuration volume; 'pulumi up' writes it again" >&2
  exit 78 # EX_CONFIG
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # In a folder beside it and renamed at the end: a cluster is there whole or not at all.
  unfinished="$PGDATA.unfinished"
  rm -rf "$unfinished"
  # A server that does not wait for its disk need not wait for it here.
  sync=()
  if grep -q "^fsync = 'off'" "$config"; then sync=(--no-sync); fi
  # The provider sorts and folds. LC_CTYPE is what pg_trgm and text search take for a letter: of C, nothing outside ASCII is one.
  echo "pgwright: making a new cluster in $PGDATA" "${sync[@]}"
  initdb "${sync[@]}" --pgdata="$unfinished" --username=postgres --data-checksums --encoding=UTF8 \
    --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C --lc-ctype=C.UTF-8 \
    --auth-local=peer --auth-host=scram-sha-256 --no-instructions >/dev/null
  mv "$unfinished" "$PGDATA"
fi

# For containers beside this one, and for what archiving notes.
mkdir -p -m 0700 "${PGDATA%/*}/socket" "${PGDATA%/*}/spool"

exec postgres -D "$PGDATA" -c config_file="$config"
