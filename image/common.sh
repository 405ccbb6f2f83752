# Sourced by the scripts of agent and drill: paths, and access to the server and its repositories.
# shellcheck shell=bash disable=SC2034 # used by the scripts that source this file

. sessions.sh

config=/etc/pgwright/pgbackrest.conf
schedules=/etc/pgwright/agent-schedules
home=/var/lib/pgwright
dumps=/var/lib/pgwright-dumps
export PGHOST=/var/lib/postgresql/data/socket PGUSER=postgres

# The server's stanza, and the numbers of the repositories.
stanza=$(sed -n 's/^\[\(.*\)\]$/\1/p' "$config" | grep -v '^global$' | head -n 1)
repositories=$(sed -n 's/^repo\([0-9]*\)-path=.*/\1/p' "$config" | sort -n)
# Repositories in buckets of an object store, where each request costs money.
buckets=$(sed -n 's/^repo\([0-9]*\)-type=s3$/\1/p' "$config")

# Timestamps of runs, with milliseconds: the start identifies a run, and two runs that fail at once may start in the same second.
now() { date -u +%Y-%m-%dT%H:%M:%S.%3NZ; }

# repository NUMBER COMMAND OF pgbackrest...: runs the command for this server's stanza in that repository.
repository() {
  local number=$1
  shift
  pgbackrest --config="$config" --stanza="$stanza" --repo="$number" "$@"
}

# ask DATABASE OPTIONS...: runs the SQL of stdin, and prints a row a line.
ask() {
  local database
  database=$(connection "$1")
  shift
  psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --dbname "$database" "$@"
}

# Names and SQL are base64 in the settings, so that each is one word.
decode() { IFS= read -r -d '' "$1" < <(base64 --decode <<<"$2") || true; } # VARIABLE TEXT

# file_name NAME: prints a file name that is unique for the name: characters with a meaning in paths become %XX.
file_name() {
  local LC_ALL=C name=$1 file='' character i
  for ((i = 0; i < ${#name}; i++)); do
    character=${name:i:1}
    case "$character" in
      / | % | [[:cntrl:]]) printf -v character '%%%02X' "'$character" ;;
    esac
    file+=$character
  done
  if [ "${file:0:1}" = . ]; then file=%2E${file:1}; fi
  printf %s "$file"
}

# files REPOSITORY archive|backup OPTIONS...: lists this server's files.
files() { repository "$1" repo-ls --recurse "${@:3}" "$2/$stanza"; }

# missing_wal REPOSITORY [FILES]: prints a line for each gap in the archived segments: the segment after it, the number of missing ones,
# and t if no backup has started since, so that a restore cannot reach the present. FILES: a listing to read instead of the repository.
missing_wal() {
  local newest archived segment position last=0 timeline='' open
  newest=$(repository "$1" info | sed -n 's/^ *wal start\/stop: \([0-9A-F]*\) .*/\1/p' | tail -n 1)
  # Segments are archived concurrently: only up to this one, all have to be there. Without a server, no segment is in transfer.
  archived=$(ask postgres <<<"SELECT coalesce(substring(last_archived_wal FROM '^[0-9A-F]{24}'), '') FROM pg_stat_archiver" 2>/dev/null) || archived=G
  while read -r segment; do
    [[ "$segment" > "$archived" ]] && break
    position=$((16#${segment:8:8} * 256 + 16#${segment:16:8}))
    if [ "${segment:0:8}" = "$timeline" ] && [ "$position" -gt $((last + 1)) ]; then
      open=t
      if [ "${segment:0:8}" != "${newest:0:8}" ] || [[ "$segment" < "$newest" || "$segment" = "$newest" ]]; then open=f; fi
      printf '%s\t%s\t%s\n' "$segment" $((position - last - 1)) "$open"
    fi
    timeline=${segment:0:8} last=$position
  done < <(if [ -n "${2:-}" ]; then cat "$2"; else files "$1" archive; fi | grep -oE '[0-9A-F]{24}-[0-9a-f]{40}' | cut -c1-24 | sort -u)
}
