#!/bin/bash
# Runs one job of the backup agent (full, differential, incremental, verify, drill, dump), and records its result in the ledger runs.
#   backup.sh JOB [REPOSITORY]     of all repositories, or of one
set -uo pipefail

. common.sh

job=$1

run() { # REPOSITORY
  case "$job" in
    full | differential | incremental)
      restorable || return
      local -A types=([full]=full [differential]=diff [incremental]=incr)
      repository "$1" --type="${types[$job]}" backup
      ;;
    verify) verify.sh "$1" ;;
    drill) drill ;;
    dump) dump.sh ;;
    *) echo "job \"$job\": unknown; use one of full, differential, incremental, verify, drill, dump" && return 64 ;; # EX_USAGE
  esac
}

# pgBackRest does not escape names of databases in its manifest, and cannot read a manifest with one of these names.
restorable() {
  local broken
  list broken ask postgres <<<"SELECT quote_ident(datname) FROM pg_database WHERE datname ~ '^\s|\s$|[\n\r]'" || return
  [ ${#broken[@]} = 0 ] || {
    echo "database ${broken[*]}: name has a line break, or a space at an end, so pgBackRest cannot restore a backup of it; rename the database"
    return 65 # EX_DATAERR
  }
}

# The drill container restores; this job waits for it as long as it answers.
drill() {
  local id result silent=0
  id=$(request-drill.sh) || return
  while true; do
    result=$(tail -n 1 "$home/drills.jsonl" 2>/dev/null | jq --arg drill "$id" 'select(.drill == $drill)' 2>/dev/null)
    [ -z "$result" ] || break
    # A minute without an answer counts, not a single one: the clock may have jumped.
    if [ -n "$(find "$home/drill-beat" -mmin -3 2>/dev/null)" ]; then silent=0; else silent=$((silent + 1)); fi
    [ "$silent" -lt 60 ] || { echo "the drill container does not answer"; return 1; }
    sleep 1
  done
  jq --exit-status .passed <<<"$result" >/dev/null && return
  jq --raw-output '.checks[] | select(.passed | not) | "\(.what): \(.detail)"' <<<"$result"
  return 1
}

# Jobs run one after another: pgBackRest refuses a concurrent one.
exec 9>"$home/lock"
flock 9

repositories=${2:-$repositories}
if [ "$job" = drill ] || [ "$job" = dump ]; then repositories=0; fi # of all of them together
failed=0
for repository in $repositories; do
  started=$(now)
  output=$(run "$repository" 2>&1)
  code=$?
  [ -n "$output" ] && echo "$output"
  [ $code = 0 ] || failed=$code
  # The end of the output, without headers of requests.
  message=$(sed -E '/^ +(\*\*\* .*:$|[A-Z]+ \/|[a-z0-9-]+: ?[^ ]|<\?xml)/d' <<<"$output" | tail -c 2000)
  jq --null-input --compact-output --arg started_at "$started" --arg ended_at "$(now)" --arg job "$job" --argjson repository "$repository" \
    --argjson exit_code "$code" --arg message "$message" '$ARGS.named | if .exit_code == 0 then .message = null else . end' >>"$home/runs.jsonl"
done
report.sh || true
exit "$failed"
