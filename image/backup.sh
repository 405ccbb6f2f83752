#!/bin/bash
# Runs one job of the backup agent (full, differential, incremental, verify, drill, dump), and records its result in runs.tsv.
#   backup.sh JOB [REPOSITORY]     of all repositories, or of one
set -uo pipefail

. common.sh

runs=$home/runs.tsv
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
  local before after
  before=$(wc -l <"$home/drills.tsv" 2>/dev/null || echo 0)
  request-drill.sh || return
  local silent=0
  while true; do
    after=$(wc -l <"$home/drills.tsv" 2>/dev/null || echo 0)
    [ "$after" = "$before" ] || break
    # A minute without an answer counts, not a single one: the clock may have jumped.
    if [ -n "$(find "$home/drill-beat" -mmin -3 2>/dev/null)" ]; then silent=0; else silent=$((silent + 1)); fi
    [ "$silent" -lt 60 ] || { echo "the drill container does not answer"; return 1; }
    sleep 1
  done
  [ "$(tail -n 1 "$home/drills.tsv" | cut -f4)" = t ] && return
  awk -F'\t' '$3 == "f" { print $2 ": " $4 }' "$home/drill/checks"
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
  # In the text format of COPY: started, ended, job, repository, exit code, the end of the output without headers of requests.
  message=$(sed -E '/^ +(\*\*\* .*:$|[A-Z]+ \/|[a-z0-9-]+: ?[^ ]|<\?xml)/d' <<<"$output" | tail -c 2000 | sed 's/\\/\\\\/g; s/\t/\\t/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }')
  [ $code = 0 ] && message='\N'
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$started" "$(now)" "$job" "$repository" "$code" "$message" >>"$runs"
done
report.sh || true
exit "$failed"
