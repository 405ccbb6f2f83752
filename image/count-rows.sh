#!/bin/bash
# Prints the number of rows of $TABLE. Counts as its owner, since planning alone runs code of that role, such as predicates of indexes.
# Called by archive.sh, whose transaction blocks writers.
set -euo pipefail
. common.sh
. run-role.sh

# shellcheck disable=SC2153 # archive.sh exports the variables
owner_of ask "$DATABASE" "$TABLE"
as_role ask "$DATABASE" "$owner" <<<"SELECT pg_catalog.count(*) FROM $TABLE"
