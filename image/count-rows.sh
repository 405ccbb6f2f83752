#!/bin/bash
# Prints how many rows $TABLE has, as its owner: planning a query alone runs code of that role, such as predicates of indexes. Called by
# archive.sh, whose transaction keeps writers out.
set -euo pipefail
. common.sh
. run-role.sh

owner_of ask "$DATABASE" "$TABLE"
as_role ask "$DATABASE" "$owner" <<<"SELECT pg_catalog.count(*) FROM $TABLE"
