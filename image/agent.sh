#!/bin/bash
# The backup agent: runs backup.sh by the schedules on the configuration volume, and reports to the server's database.
#   agent.sh           runs until it is stopped
#   agent.sh health    whether it runs
set -uo pipefail

. common.sh

beat=/tmp/agent-beat
# A job that was due while the agent did not run starts late, by at most so many seconds.
catch_up=43200

if [ "${1:-}" = health ]; then
  [ -n "$(find "$beat" -mmin -3 2>/dev/null)" ]
  exit
fi

schedules() { jq --compact-output .schedules "$configuration"; }

follow() { # JOB, arguments of snooze
  local job=$1 stamp="$home/$1.stamp"
  shift
  [ -e "$stamp" ] || touch "$stamp"
  while true; do
    snooze -t "$stamp" -T 1 -s "$catch_up" "$@" true || return
    touch "$stamp"
    echo "pgwright: $job: started"
    if backup.sh "$job"; then echo "pgwright: $job: finished"; else echo "pgwright: $job: failed with exit code $?" >&2; fi
  done
}

followers=()
start() {
  local job jobs=() arguments=()
  set -m # each has a process group of its own, so that it is ended with its children
  texts jobs 'keys_unsorted[]' <<<"$known"
  for job in "${jobs[@]}"; do
    # shellcheck disable=SC2016 # a variable of jq
    texts arguments '.[$job][]' --arg job "$job" <<<"$known"
    follow "$job" "${arguments[@]}" &
    followers+=($!)
  done
  set +m
}

stop() {
  for follower in "${followers[@]}"; do
    kill -- "-$follower" 2>/dev/null
  done
  followers=()
}
trap 'stop; exit 0' TERM INT

flock "$home/lock" convert-ledgers.sh
known=$(schedules)
start
while true; do
  touch "$beat"
  # Changed schedules take effect when no job runs: ending a job would leave a partial backup.
  if declared=$(schedules) && [ "$declared" != "$known" ] && flock --nonblock "$home/lock" true; then
    known=$declared
    echo "pgwright: schedules changed"
    stop
    start
  fi
  report.sh || true
  sleep 30 &
  wait $!
done
