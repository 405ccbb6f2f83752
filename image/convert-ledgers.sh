#!/bin/bash
# Converts the ledgers of earlier versions to JSON Lines: they had a line of columns an entry, in the text format of COPY. Run when the
# agent starts. If it is killed, it converts again; an entry is then in the ledger twice, and reported once.
set -euo pipefail

. common.sh

rows() { # FILE: each row as an array of texts
  [ ! -e "$1" ] || jq --raw-input --compact-output '
    def text: if . == "\\N" then null else gsub("\\\\(?<escaped>.)"; {"n": "\n", "t": "\t"}[.escaped] // .escaped) end;
    split("\t") | map(text)' "$1"
}

# replace LEDGER: adds the ledger's own entries, which are newer, to the converted ones.
replace() {
  [ ! -e "$home/$1.jsonl" ] || cat "$home/$1.jsonl" >>"$home/$1.new"
  sync "$home/$1.new"
  mv "$home/$1.new" "$home/$1.jsonl"
  rm "$home/$1.tsv"
}

if [ -e "$home/runs.tsv" ]; then
  rows "$home/runs.tsv" | jq --compact-output 'select(length == 6) | {
    started_at: .[0], ended_at: .[1], job: .[2], repository: (.[3] | tonumber?), exit_code: (.[4] | tonumber?), message: .[5]
  }' >"$home/runs.new"
  replace runs
fi
if [ -e "$home/drills.tsv" ]; then
  rows "$home/drills.tsv" | jq --compact-output --slurpfile checks <(rows "$home/drill-checks.tsv") 'select(length == 7) | {
    drill: .[0], started_at: .[1], ended_at: .[2], passed: (.[3] == "t"), backup: .[4], recovered_to: .[5], seconds: (.[6] | tonumber?),
    checks: (.[0] as $drill | [$checks[] | select(.[0] == $drill) | {what: .[1], passed: (.[2] == "t"), detail: .[3]}])
  }' >"$home/drills.new"
  replace drills
fi
rm -f "$home"/{drill-checks,next,sizes,missing-wal}.tsv
