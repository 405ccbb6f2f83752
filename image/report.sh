#!/bin/bash
# Reports the contents of the repositories and the results of the agent's jobs to the server's database. Silent while the server is down.
set -euo pipefail

. common.sh

# Only one report runs at a time.
exec 8>"$home/report-lock"
flock 8
touch "$home/runs.tsv" "$home/drills.tsv" "$home/drill-checks.tsv"
# A repository that does not answer must not stop the report.
export PGBACKREST_IO_TIMEOUT=5

# fresh FILE MINUTES: true if the file is not older, and no job has ended since it was written.
fresh() { [ -n "$(find "$1" -mmin "-$2" 2>/dev/null)" ] && ! [ "$home/runs.tsv" -nt "$1" ]; }

if [ -z "$buckets" ] || ! fresh "$home/info.json" 5; then
  # Texts of errors contain unescaped line ends, which JSON does not allow.
  pgbackrest --config="$config" --output=json info | tr '[:cntrl:]' ' ' >"$home/info.new" || exit 0
  mv "$home/info.new" "$home/info.json"
fi
unreadable() { grep -q "\"key\":$1,\"status\":{\"code\":99" "$home/info.json"; }

in_bucket() { grep -qx "$1" <<<"$buckets"; }
listing="$home/listing"
for repository in $buckets; do
  fresh "$listing-$repository" 60 || unreadable "$repository" ||
    if { files "$repository" archive --output=json && files "$repository" backup --output=json; } >"$listing.new"; then
      mv "$listing.new" "$listing-$repository"
    fi
done

# Bytes and free bytes, in the text format of COPY. A bucket has no free bytes, and the size of its last listing.
for repository in $repositories; do
  folder="/var/lib/pgbackrest/$repository" bytes='\N' free='\N'
  if ! in_bucket "$repository"; then
    bytes=$(du -sb "$folder" | cut -f1) free=$(df -B1 --output=avail "$folder" | tail -n 1 | tr -d ' ')
  elif [ -e "$listing-$repository" ]; then
    bytes=$(grep -o '"size":[0-9]*' "$listing-$repository" | awk -F: '{ sum += $2 } END { printf "%.0f", sum }' || true)
  fi
  printf '%s\t%s\t%s\n' "$repository" "$bytes" "$free"
done >"$home/sizes.tsv"

# The next run of each job.
while read -r job arguments; do
  # shellcheck disable=SC2086 # each argument is a word
  next=$(set -f; snooze -n $arguments 2>/dev/null | sed -n '1s/ .*//p') || true # none within a year
  [ -z "$next" ] || printf '%s\t%s\n' "$job" "$next"
done <"$schedules" >"$home/next.tsv"

# Without a new backup or run, a report every ten minutes suffices: a report itself writes WAL, which is archived.
digest=$({ grep -o '"label":"[^"]*"' "$home/info.json" || true; cat "$home/runs.tsv" "$home/drills.tsv" "$home/next.tsv"; } | cksum)
if [ "$digest" = "$(cat /tmp/agent-reported 2>/dev/null)" ] && [ -n "$(find /tmp/agent-reported -mmin -10)" ]; then exit 0; fi

pg_isready --quiet || exit 0
for repository in $repositories; do
  listed=''
  if in_bucket "$repository" && [ -e "$listing-$repository" ]; then listed="$listing-$repository"; fi
  unreadable "$repository" || missing_wal "$repository" "$listed" | sed "s/^/$repository\t/"
done >"$home/missing-wal.tsv"

# The bookkeeping of pgwright is not audited.
PGOPTIONS="$PGOPTIONS $not_audited" ask postgres <<'SQL'
SELECT to_regclass('pgwright.backup_report') IS NULL AS absent \gset
\if :absent
  \quit
\endif
\set info `cat /var/lib/pgwright/info.json`
BEGIN;
CREATE TEMP TABLE runs (LIKE pgwright.backup_runs) ON COMMIT DROP;
ALTER TABLE runs DROP COLUMN run;
\copy runs from '/var/lib/pgwright/runs.tsv'
INSERT INTO pgwright.backup_runs (started_at, ended_at, job, repository, exit_code, message) SELECT * FROM runs ON CONFLICT DO NOTHING;
CREATE TEMP TABLE drills (LIKE pgwright.restore_drills) ON COMMIT DROP;
\copy drills from '/var/lib/pgwright/drills.tsv'
INSERT INTO pgwright.restore_drills SELECT * FROM drills ON CONFLICT DO NOTHING;
CREATE TEMP TABLE checks (LIKE pgwright.restore_drill_checks) ON COMMIT DROP;
\copy checks from '/var/lib/pgwright/drill-checks.tsv'
INSERT INTO pgwright.restore_drill_checks SELECT * FROM checks ON CONFLICT DO NOTHING;
CREATE TEMP TABLE sizes (LIKE pgwright.backup_sizes) ON COMMIT DROP;
\copy sizes from '/var/lib/pgwright/sizes.tsv'
DELETE FROM pgwright.backup_sizes;
INSERT INTO pgwright.backup_sizes SELECT * FROM sizes;
DELETE FROM pgwright.backup_schedule;
\copy pgwright.backup_schedule from '/var/lib/pgwright/next.tsv'
DELETE FROM pgwright.backup_missing_wal;
\copy pgwright.backup_missing_wal from '/var/lib/pgwright/missing-wal.tsv'
UPDATE pgwright.backup_report SET info = :'info', reported_at = now();
COMMIT;
SQL
printf %s "$digest" >/tmp/agent-reported
