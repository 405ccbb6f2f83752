#!/bin/bash
# Reads every file of a repository. pgBackRest's verify ends with 0 whatever it finds, takes a segment that is missing for the
# begin of another range, and does not miss a backup whose folder is gone: those are looked for here.
#   verify.sh REPOSITORY
set -uo pipefail

. common.sh

number=$1
failed=0

output=$(repository "$number" --output=text --verbose verify 2>&1) || failed=1
grep -q '^ *status: ok' <<<"$output" || failed=1
echo "$output"

info=$(repository "$number" info)
for label in $(grep -oE 'backup: [0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[DI])?' <<<"$info" | cut -d' ' -f2); do
  repository "$number" repo-ls "backup/$stanza/$label" | grep -q '^backup.manifest$' || { echo "backup $label is gone"; failed=1; }
done

# Holes before the newest backup only mean that there is no way to the time after them; they are told.
while read -r segment count open; do
  echo "WAL is missing before $segment: $count segments"
  [ "$open" = f ] || failed=1
done < <(missing_wal "$number")
exit $failed
