#!/bin/bash
# The drill container: waits for requests of the agent, restores the newest backup and the WAL up to the restore point into a folder of
# its own, checks the copy, records the results, and removes the copy. Repositories are mounted read-only, and the container has a network
# only for repositories in buckets.
#   drill.sh           waits for requests until it is stopped
#   drill.sh health    whether it runs
set -uo pipefail
. common.sh
. recovery.sh

# The drill specification at the time of the request.
specification="$home/drill/specification"
copy="$PGDATA"

if [ "${1:-}" = health ]; then
  [ -n "$(find "$home/drill-beat" -mmin -3 2>/dev/null)" ]
  exit
fi

# A text as one column in the text format of COPY, of at most so many bytes.
flat() { printf %s "$2" | head -c "$1" | tr '\\\t\n' '/  '; }

failed=0
evidence() { # CHECK, t or f, DETAIL
  [ "$2" = t ] || failed=1
  printf '%s\t%s\t%s\t%s\n' "$id" "$(flat 200 "$1")" "$2" "$(flat 500 "${3:-}")" >>"$home/drill/checks"
}

# equal CHECK WANTED FOUND
equal() { if [ "$2" = "$3" ]; then evidence "$1" t "$3"; else evidence "$1" f "$3 instead of $2"; fi; }

examine() {
  equal "row before the restore point" 1 "$(query postgres <<<"SELECT count(*) FROM pgwright.drill_marks WHERE drill = '$id' AND before" 2>&1)"
  equal "row after the restore point" 0 "$(query postgres <<<"SELECT count(*) FROM pgwright.drill_marks WHERE drill = '$id' AND NOT before" 2>&1)"
  local file database
  for file in "$home"/drill/*.inventory; do
    IFS= read -r -d '' database <"${file%.inventory}.database" || true
    local difference
    difference=$(diff <(cat "$file") <(query "$database" </usr/local/share/pgwright/inventory.sql 2>&1) | grep '^[<>]' | head -n 5)
    evidence "extensions and roles of $database" "$([ -z "$difference" ] && echo t || echo f)" "$difference"
  done
  if grep -q '^amcheck$' "$specification"; then
    local output
    output=$(pg_amcheck --host=/tmp --username=postgres --all --install-missing --heapallindexed --no-dependent-toast 2>&1)
    evidence "tables and btree indexes (amcheck)" "$([ -z "$output" ] && echo t || echo f)" "$output"
  fi
  local kind name what more
  exec 3<"$home/drill/counts"
  [ ! -e "$home/drill/answers" ] || exec 4<"$home/drill/answers"
  while read -r kind name what more; do
    decode name "$name"
    decode what "$what"
    case "$kind" in
      check) decode more "$more" && holds "$name" "$what" "$more" ;;
      count) counted "$name" "$what" ;;
      recall) finds "$name" "$what" "$more" ;;
    esac
  done < <(grep -v '^amcheck$' "$specification")
  exec 3<&- 4<&-
}

holds() { # DATABASE QUERY ROLE
  local answer on_server=''
  answer=$(checked query "$1" "$3" <<<"$2")
  # Before the very first drill, the agent has run the checks on the server too: a new stack may not have the rows yet that a check expects.
  [ ! -e "$home/drill/answers" ] || read -r -u 4 on_server
  if [ "$answer" = t ]; then evidence "$2" t "$answer"
  elif [ "$(base64 --decode <<<"$on_server")" = "$answer" ]; then evidence "$2" t "not yet: $answer, as on the server"
  else evidence "$2" f "$answer"; fi
}

# counted DATABASE TABLE: the next line of file 3 has its lowest and highest number of rows around the restore point.
counted() {
  local fewest most rows there=f
  read -r fewest most <&3
  rows=$({ owner_of query "$1" "$2" && as_role query "$1" "$owner" <<<"SELECT pg_catalog.count(*) FROM $2"; } 2>&1)
  [[ "$rows" =~ ^[0-9]+$ ]] && [ "$rows" -ge "$fewest" ] && [ "$rows" -le "$most" ] && there=t
  evidence "rows of $2 in $1" $there "$rows; at the restore point $fewest$([ "$fewest" = "$most" ] || echo " to $most")"
}

finds() { # DATABASE INDEX AT_LEAST
  local recall enough=f
  recall=$({ owner_of query "$1" "$2" && as_role query "$1" "$owner" --set index="$2" </usr/local/share/pgwright/recall.sql; } 2>&1)
  awk -v found="$recall" -v least="$3" 'BEGIN { exit !(found ~ /^[0-9.]+$/ && found + 0 >= least + 0) }' && enough=t
  evidence "recall of $2 in $1" $enough "${recall:-the planner does not use the index}; $3 at least"
}

drill() {
  failed=0
  : >"$home/drill/checks"
  local started ended backup recovered_to seconds output
  started=$(now)
  SECONDS=0
  output=$(mktemp)
  if recover "$copy" "$config" "$stanza" --type=name --target="$id" --target-action=promote >"$output" 2>&1; then
    seconds=$SECONDS
    evidence "restore and recovery" t "$seconds s"
    recovered_to=$(sed -n 's/.*last completed transaction was at log time //p' "$recovery_log" | tail -n 1)
    examine
    stop_recovered
    local sums intact=f
    sums=$(pg_checksums --check --pgdata="$copy" 2>&1) && intact=t
    evidence "checksums of all pages" $intact "$(grep -E 'Blocks scanned|Bad checksums|error' <<<"$sums")"
  else
    seconds=$SECONDS
    evidence "restore and recovery" f "$(grep -E 'ERROR|FATAL|PANIC|did not reach|<Code>' "$output" | tail -n 4)"
  fi
  backup=$(sed -n 's/.*restore backup set \([0-9DFI_-]*\).*/\1/p' "$output" | head -n 1)
  remove_cluster "$copy"
  ended=$(now)
  cat "$home/drill/checks" >>"$home/drill-checks.tsv"
  # In the text format of COPY.
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$id" "$started" "$ended" "$([ $failed = 0 ] && echo t || echo f)" \
    "${backup:-\\N}" "${recovered_to:-\\N}" "$seconds" >>"$home/drills.tsv"
  echo "pgwright: $id $([ $failed = 0 ] && echo passed || echo failed)"
  [ $failed = 0 ] || grep -P '\tf\t' "$home/drill/checks" >&2
}

# The agent waits as long as this file is touched.
while true; do touch "$home/drill-beat"; sleep 30; done &
beat=$!
trap 'kill $beat; exit 0' TERM INT
while true; do
  if id=$(cat "$home/drill/request" 2>/dev/null) && [ -n "$id" ]; then
    rm -f "$home/drill/request"
    drill
  fi
  sleep 1 &
  wait $!
done
