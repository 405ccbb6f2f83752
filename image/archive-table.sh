#!/bin/bash
# Dumps $TABLE into $FOLDER/$FILE, with all below it, and prints how many rows the file holds. Called by archive.sh, whose transaction
# keeps writers out.
set -euo pipefail
. common.sh

pg_dump --format=custom --compress=zstd --table-and-children="$TABLE" --file="$FOLDER/$FILE.partial" \
  --dbname="$(connection "$DATABASE")"
# As pg_restore would write them: lines between COPY and the line that ends it.
pg_restore --data-only --file=- "$FOLDER/$FILE.partial" |
  awk '!copying && !/^--/ && / FROM stdin;$/ { copying = 1; next } copying && /^\\\.$/ { copying = 0; next } copying { rows++ } END { print rows + 0 }'
sync "$FOLDER/$FILE.partial"
mv "$FOLDER/$FILE.partial" "$FOLDER/$FILE"
sync "$FOLDER"
