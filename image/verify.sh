#!/bin/bash
# Reads every file of a repository. pgBackRest's verify always exits with 0, takes a gap in the WAL for the start of another range, and
# does not notice a backup whose folder is missing: this script checks all three.
#   verify.sh REPOSITORY
set -uo pipefail

. common.sh

number=$1
failed=0

# It has no output in JSON.
output=$(repository "$number" --output=text --verbose verify 2>&1) || failed=1
grep -q '^ *status: ok' <<<"$output" || failed=1
echo "$output"

labels=$(info --stanza="$stanza" --repo="$number" | from_pgbackrest labels) || failed=1
for label in $labels; do
  repository "$number" repo-ls --output=json "backup/$stanza/$label" | jq --exit-status 'has("backup.manifest")' >/dev/null || { echo "backup $label: missing in the repository"; failed=1; }
done

# A gap before the newest backup only excludes restores to the time after it: it is reported, but is no failure.
gaps=$(missing_wal "$number") || failed=1
jq --raw-output '"WAL: \(.segments) segments missing before \(.before_segment)"' <<<"$gaps"
[ -z "$(jq 'select(.open)' <<<"$gaps")" ] || failed=1
exit $failed
