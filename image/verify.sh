#!/bin/bash
# Reads every file of a repository. pgBackRest's verify always exits with 0, takes a gap in the WAL for the start of another range, and
# does not notice a backup whose folder is missing: this script checks all three.
#   verify.sh REPOSITORY
set -uo pipefail

. common.sh

number=$1
failed=0

output=$(repository "$number" --output=text --verbose verify 2>&1) || failed=1
grep -q '^ *status: ok' <<<"$output" || failed=1
echo "$output"

info=$(repository "$number" info)
mapfile -t labels < <(grep -oE 'backup: [0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[DI])?' <<<"$info" | cut -d' ' -f2)
for label in "${labels[@]}"; do
  repository "$number" repo-ls "backup/$stanza/$label" | grep -q '^backup.manifest$' || { echo "backup $label: missing in the repository"; failed=1; }
done

# A gap before the newest backup only excludes restores to the time after it: it is reported, but is no failure.
while read -r segment count open; do
  echo "WAL: $count segments missing before $segment"
  [ "$open" = f ] || failed=1
done < <(missing_wal "$number")
exit $failed
