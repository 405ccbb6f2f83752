#!/bin/bash
# Dumps $TABLE and its partitions into $FOLDER/$FILE, and prints how many rows the file holds. Called by archive.sh, whose transaction
# blocks writers.
set -euo pipefail
. common.sh

# shellcheck disable=SC2153 # archive.sh exports the variables
pg_dump --format=custom --compress=zstd --table-and-children="$TABLE" --file="$FOLDER/$FILE.partial" \
  --dbname="$(connection "$DATABASE")"
# Rows are the lines between COPY and its end in the output of pg_restore.
pg_restore --data-only --file=- "$FOLDER/$FILE.partial" |
  awk '!copying && !/^--/ && / FROM stdin;$/ { copying = 1; next } copying && /^\\\.$/ { copying = 0; next } copying { rows++ } END { print rows + 0 }'
sync "$FOLDER/$FILE.partial"
mv "$FOLDER/$FILE.partial" "$FOLDER/$FILE"
sync "$FOLDER"
