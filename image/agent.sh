#!/bin/bash
# The backup agent: runs backup.sh by the schedules on the configuration volume, and tells the server's database how things stand.
#   agent.sh           runs until it is stopped
#   agent.sh health    whether it runs
set -uo pipefail

. common.sh

beat=/tmp/agent-beat
# An agent that was away when a job was due catches up on it.
catch_up=43200

if [ "${1:-}" = health ]; then
  [ -n "$(find "$beat" -mmin -3 2>/dev/null)" ]
  exit
fi

follow() { # JOB, arguments of snooze
  local job=$1 stamp="$home/$1.stamp"
  shift
  [ -e "$stamp" ] || touch "$stamp"
  while true; do
    snooze -t "$stamp" -T 1 -s "$catch_up" "$@" true || return
    touch "$stamp"
    echo "pgwright: $job begins"
    if backup.sh "$job"; then echo "pgwright: $job is done"; else echo "pgwright: $job has failed with $?" >&2; fi
  done
}

followers=()
start() {
  set -m # each a process group of its own, to be ended whole
  while read -r job arguments; do
    # shellcheck disable=SC2086 # each is a word of its own
    set -f && follow "$job" $arguments &
    followers+=($!)
  done <"$schedules"
  set +m
}

stop() {
  for follower in "${followers[@]}"; do
    kill -- "-$follower" 2>/dev/null
  done
  followers=()
}
trap 'stop; exit 0' TERM INT

known=$(cat "$schedules")
start
while true; do
  touch "$beat"
  # Another stack file brings other schedules. A job that runs is not disturbed: it would be half a backup.
  if [ "$(cat "$schedules")" != "$known" ] && flock --nonblock "$home/lock" true; then
    known=$(cat "$schedules")
    echo "pgwright: new schedules"
    stop
    start
  fi
  report.sh || true
  sleep 30 &
  wait $!
done
