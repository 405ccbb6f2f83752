#!/bin/bash
# Reads every file of a repository. pgBackRest's verify ends with 0 whatever it finds, takes a segment that is missing for the
# begin of another range, and does not miss a backup whose folder is gone: those are looked for here.
#   verify.sh REPOSITORY
set -uo pipefail

. common.sh

repository() { pgbackrest --config="$config" --stanza="$stanza" --repo="$number" "$@"; }
number=$1
failed=0

output=$(repository --output=text --verbose verify 2>&1) || failed=1
grep -q '^ *status: ok' <<<"$output" || failed=1
echo "$output"

info=$(repository info)
for label in $(grep -oE 'backup: [0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[DI])?' <<<"$info" | cut -d' ' -f2); do
  repository repo-ls "backup/$stanza/$label" | grep -q '^backup.manifest$' || { echo "backup $label is gone"; failed=1; }
done

# From the newest full backup on no segment may be missing, on any timeline. Holes before it only mean that there is no way to the
# time after them; they are told.
from=$(awk '/full backup:/ { full = 1 } /(diff|incr) backup:/ { full = 0 } full && /wal start\/stop:/ { start = $3 } END { print start }' <<<"$info")
timeline='' last=0
while read -r segment; do
  position=$((16#${segment:8:8} * 256 + 16#${segment:16:8}))
  if [ "${segment:0:8}" = "$timeline" ] && [ "$position" -gt $((last + 1)) ]; then
    echo "WAL is missing before $segment: $((position - last - 1)) segments"
    [[ "${segment:8}" < "${from:8}" ]] || failed=1
  fi
  timeline=${segment:0:8} last=$position
done < <(repository repo-ls --recurse "archive/$stanza" | grep -oE '[0-9A-F]{24}-[0-9a-f]{40}' | cut -c1-24 | sort -u)
exit $failed
