#!/bin/bash
# The drill container: waits for requests of the agent, restores the newest backup and the WAL up to the restore point into a folder of
# its own, checks the copy, records the results, and removes the copy. Repositories are mounted read-only, and the container has a network
# only for repositories in buckets.
#   drill.sh           waits for requests until it is stopped
#   drill.sh health    whether it runs
set -uo pipefail
. common.sh
. recovery.sh

copy="$PGDATA"

if [ "${1:-}" = health ]; then
  [ -n "$(find "$home/drill-beat" -mmin -3 2>/dev/null)" ]
  exit
fi

failed=0
checks=()
evidence() { # CHECK, true or false, DETAIL
  [ "$2" = true ] || failed=1
  checks+=("$(
    jq --null-input --compact-output --arg what "${1:0:200}" --argjson passed "$2" --arg detail "${3:0:500}" \
      '$ARGS.named | (.what, .detail) |= gsub("[\t\n\r]"; " ")'
  )")
}

# equal CHECK WANTED FOUND
equal() { if [ "$2" = "$3" ]; then evidence "$1" true "$3"; else evidence "$1" false "$3 instead of $2"; fi; }

examine() { # REQUEST
  equal "row before the restore point" 1 "$(query postgres <<<"SELECT count(*) FROM pgwright.drill_marks WHERE drill = '$id' AND before" 2>&1)"
  equal "row after the restore point" 0 "$(query postgres <<<"SELECT count(*) FROM pgwright.drill_marks WHERE drill = '$id' AND NOT before" 2>&1)"
  local all=() one database='' query='' role='' table='' index=''
  objects all '.inventories[]' <<<"$1"
  for one in "${all[@]}"; do fields "$one" database && compared "$database" "$one"; done
  if [ "$(jq .amcheck <<<"$1")" = true ]; then
    local output
    output=$(pg_amcheck --host=/tmp --username=postgres --all --install-missing --heapallindexed --no-dependent-toast 2>&1)
    evidence "tables and btree indexes (amcheck)" "$([ -z "$output" ] && echo true || echo false)" "$output"
  fi
  objects all '.checks[]' <<<"$1"
  for one in "${all[@]}"; do fields "$one" database query role && holds "$database" "$query" "$role" "$one"; done
  objects all '.counts[]' <<<"$1"
  for one in "${all[@]}"; do fields "$one" database table && counted "$database" "$table" "$one"; done
  objects all '.recalls[]?' <<<"$1"
  for one in "${all[@]}"; do fields "$one" database index && finds "$database" "$index" "$(jq .atLeast <<<"$one")"; done
}

compared() { # DATABASE, REQUESTED INVENTORY
  local restored difference same=false
  restored=$(query "$1" </usr/local/share/pgwright/inventory.sql 2>&1)
  # What is not JSON is an error.
  difference=$(
    jq --raw-output --slurpfile restored <(printf %s "$restored") \
      '$restored[0] as $restored | [(.inventory - $restored | "< " + .[]), ($restored - .inventory | "> " + .[])][:5][]' <<<"$2" 2>/dev/null
  ) || difference=${restored:-no answer}
  [ -n "$difference" ] || same=true
  evidence "extensions and roles of $1" $same "$difference"
}

holds() { # DATABASE, QUERY, ROLE, REQUESTED CHECK
  local answer
  answer=$(checked query "$1" "$3" <<<"$2")
  # Before the very first drill, the agent has run the checks on the server too: a new stack may not have the rows yet that a check expects.
  if [ "$answer" = t ]; then evidence "$2" true "$answer"
  elif jq --exit-status --arg answer "${answer:0:1000}" '.answer == $answer' <<<"$4" >/dev/null; then evidence "$2" true "not yet: $answer, as on the server"
  else evidence "$2" false "$answer"; fi
}

counted() { # DATABASE, TABLE, REQUESTED COUNT
  local fewest='' most='' rows there=false
  fields "$3" fewest most
  rows=$({ owner_of query "$1" "$2" && as_role query "$1" "$owner" <<<"SELECT pg_catalog.count(*) FROM $2"; } 2>&1)
  [[ "$rows" =~ ^[0-9]+$ ]] && [ "$rows" -ge "$fewest" ] && [ "$rows" -le "$most" ] && there=true
  evidence "rows of $2 in $1" $there "$rows; at the restore point $fewest$([ "$fewest" = "$most" ] || echo " to $most")"
}

finds() { # DATABASE INDEX AT_LEAST
  local recall enough=false
  recall=$({ owner_of query "$1" "$2" && as_role query "$1" "$owner" --set index="$2" </usr/local/share/pgwright/recall.sql; } 2>&1)
  awk -v found="$recall" -v least="$3" 'BEGIN { exit !(found ~ /^[0-9.]+$/ && found + 0 >= least + 0) }' && enough=true
  evidence "recall of $2 in $1" $enough "${recall:-the planner does not use the index}; $3 at least"
}

# answering: prints a configuration without the repositories that do not answer, if one is in a bucket: each WAL segment would wait for
# them.
answering() {
  local silent=''
  [ -z "$buckets" ] || silent=$(info --stanza="$stanza" --io-timeout=5 | from_pgbackrest '[unreadable | tostring] | join("|")')
  if [ -z "$silent" ] || ! grep -vE "^repo($silent)-" "$config" | grep -q '^repo[0-9]*-path='; then
    echo "$config"
    return
  fi
  echo "pgwright: repositories $silent: do not answer, and are ignored" >&2
  (umask 077 && grep -vE "^repo($silent)-" "$config" >/tmp/pgbackrest.conf)
  echo /tmp/pgbackrest.conf
}

drill() { # REQUEST
  failed=0
  checks=()
  local started seconds output
  id=$(jq --raw-output .drill <<<"$1")
  started=$(now)
  SECONDS=0
  output=$(mktemp)
  if recover "$copy" "$(answering)" "$stanza" --type=name --target="$id" --target-action=promote >"$output" 2>&1; then
    seconds=$SECONDS
    evidence "restore and recovery" true "$seconds s"
    examine "$1"
    stop_recovered
    local sums intact=false
    sums=$(pg_checksums --check --pgdata="$copy" 2>&1) && intact=true
    evidence "checksums of all pages" $intact "$(grep -E 'Blocks scanned|Bad checksums|error' <<<"$sums")"
  else
    seconds=$SECONDS
    evidence "restore and recovery" false "$(grep -E 'ERROR|FATAL|PANIC|did not reach|<Code>' "$output" | tail -n 4)"
  fi
  remove_cluster "$copy"
  rm "$output"
  local entry
  entry=$(
    printf '%s\n' "${checks[@]}" |
      jq --slurp --compact-output --arg drill "$id" --arg started_at "$started" --arg ended_at "$(now)" --argjson failed "$failed" \
        --arg backup "$backup" --arg recovered_to "$recovered_to" --argjson seconds "$seconds" '
          def text: if . == "" then null else . end;
          {$drill, $started_at, $ended_at, passed: ($failed == 0), backup: ($backup | text), recovered_to: ($recovered_to | text), $seconds, checks: .}'
  )
  printf '%s\n' "$entry" >>"$home/drills.jsonl"
  echo "pgwright: $id $([ $failed = 0 ] && echo passed || echo failed)"
  jq --raw-output '.checks[] | select(.passed | not) | "\(.what): \(.detail)"' <<<"$entry" >&2
}

# The agent waits as long as this file is touched.
while true; do touch "$home/drill-beat"; sleep 30; done &
beat=$!
trap 'kill $beat; exit 0' TERM INT
while true; do
  if request=$(cat "$home/drill/request.json" 2>/dev/null); then
    rm "$home/drill/request.json"
    drill "$request"
  fi
  sleep 1 &
  wait $!
done
