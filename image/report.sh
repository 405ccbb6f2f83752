#!/bin/bash
# Reports the contents of the repositories and the results of the agent's jobs to the server's database. Silent while the server is down.
set -euo pipefail

. common.sh

# Only one report runs at a time.
exec 8>"$home/report-lock"
flock 8
touch "$home/runs.jsonl" "$home/drills.jsonl"
# A repository that does not answer must not stop the report.
export PGBACKREST_IO_TIMEOUT=5

# fresh FILE MINUTES: true if the file is not older, and no job has ended since it was written.
fresh() { [ -n "$(find "$1" -mmin "-$2" 2>/dev/null)" ] && ! [ "$home/runs.jsonl" -nt "$1" ]; }

if [ -z "$buckets" ] || ! fresh "$home/info.json" 5; then
  info >"$home/info.new" || exit 0
  mv "$home/info.new" "$home/info.json"
fi
unreadable=$(from_pgbackrest unreadable <"$home/info.json")
is_readable() { ! grep -qx "$1" <<<"$unreadable"; }

in_bucket() { grep -qx "$1" <<<"$buckets"; }
listing="$home/listing"
for repository in $buckets; do
  fresh "$listing-$repository" 60 || ! is_readable "$repository" ||
    if { files "$repository" archive && files "$repository" backup; } >"$listing.new"; then
      mv "$listing.new" "$listing-$repository"
    fi
done

# A bucket has no free bytes, and the size of its last listing.
sizes() {
  local repository folder bytes free_bytes
  for repository in $repositories; do
    folder="/var/lib/pgbackrest/$repository" bytes=null free_bytes=null
    if ! in_bucket "$repository"; then
      bytes=$(du -sb "$folder" | cut -f1) free_bytes=$(df -B1 --output=avail "$folder" | tail -n 1)
    elif [ -e "$listing-$repository" ]; then
      bytes=$(from_pgbackrest bytes <"$listing-$repository" | jq --slurp add)
    fi
    jq --null-input --argjson repository "$repository" --argjson bytes "$bytes" --argjson free_bytes "$free_bytes" '$ARGS.named'
  done
}

# The next run of each job.
schedule() {
  local job jobs=() arguments=() next_at
  texts jobs '.schedules | keys_unsorted[]' <"$configuration"
  for job in "${jobs[@]}"; do
    # shellcheck disable=SC2016 # a variable of jq
    texts arguments '.schedules[$job][]' --arg job "$job" <"$configuration"
    next_at=$(snooze -n "${arguments[@]}" 2>/dev/null | sed -n '1s/ .*//p') || true # none within a year
    [ -z "$next_at" ] || jq --null-input --arg job "$job" --arg next_at "$next_at" '$ARGS.named'
  done
}

missing() {
  local repository listed
  for repository in $repositories; do
    listed=''
    if in_bucket "$repository" && [ -e "$listing-$repository" ]; then listed="$listing-$repository"; fi
    ! is_readable "$repository" || missing_wal "$repository" "$listed" || true
  done
}

# Without a new backup or run, a report every ten minutes suffices: a report itself writes WAL, which is archived.
next=$(schedule)
digest=$({ from_pgbackrest labels <"$home/info.json"; cat "$home/runs.jsonl" "$home/drills.jsonl"; echo "$next"; } | cksum)
if [ "$digest" = "$(cat /tmp/agent-reported 2>/dev/null)" ] && [ -n "$(find /tmp/agent-reported -mmin -10)" ]; then exit 0; fi

# sql/functions/backups may be missing, or older, until the update has installed it.
[ "$(ask postgres <<<"SELECT to_regprocedure('pgwright.backup_record(jsonb)') IS NOT NULL" 2>/dev/null)" = t ] || exit 0
sizes >"$home/sizes.json"
missing >"$home/missing-wal.json"
# Numbers of system identifiers would lose digits in jq 1.6, and nothing reads them: without .db.
jq --null-input --compact-output --slurpfile info "$home/info.json" --slurpfile runs <(ledger runs) --slurpfile drills <(ledger drills) \
  --slurpfile sizes "$home/sizes.json" --slurpfile schedule <(echo "$next") --slurpfile missing_wal "$home/missing-wal.json" \
  '{info: ($info[0] | map(del(.db))), $runs, $drills, $sizes, $schedule, $missing_wal}' >"$home/report.json"

# A report is a line; quote and delimiter are characters that JSON always escapes. The bookkeeping of pgwright is not audited.
{
  cat <<'SQL'
CREATE TEMP TABLE report (content jsonb);
COPY report FROM STDIN (FORMAT csv, QUOTE e'\x01', DELIMITER e'\x02');
SQL
  cat "$home/report.json"
  echo '\.'
  echo 'SELECT pgwright.backup_record(content) FROM report;'
} | PGOPTIONS="$PGOPTIONS $not_audited" ask postgres >/dev/null
printf %s "$digest" >/tmp/agent-reported
