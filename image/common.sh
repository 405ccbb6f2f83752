# Sourced by the scripts of agent and drill: where things are, and how the server is reached.

. sessions.sh

config=/etc/pgwright/pgbackrest.conf
schedules=/etc/pgwright/agent-schedules
home=/var/lib/pgwright
dumps=/var/lib/pgwright-dumps
export PGHOST=/var/lib/postgresql/data/socket PGUSER=postgres

# The server's name in the repositories, and the numbers of those.
stanza=$(sed -n 's/^\[\(.*\)\]$/\1/p' "$config" | grep -v '^global$' | head -n 1)
repositories=$(sed -n 's/^repo\([0-9]*\)-path=.*/\1/p' "$config" | sort -n)
# Those in buckets of an object store: there each look is a request that costs.
buckets=$(sed -n 's/^repo\([0-9]*\)-type=s3$/\1/p' "$config")

# Begins and ends, in the books. A run is known by its begin, and one that fails at once may be followed by another in the same second.
now() { date -u +%Y-%m-%dT%H:%M:%S.%3NZ; }

# repository NUMBER COMMAND OF pgbackrest...: of this server, in one of them.
repository() {
  local number=$1
  shift
  pgbackrest --config="$config" --stanza="$stanza" --repo="$number" "$@"
}

# ask DATABASE OPTIONS...: SQL comes on stdin, one row a line goes out.
ask() {
  local database
  database=$(connection "$1")
  shift
  psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --dbname "$database" "$@"
}

# Names and SQL come in the settings as base64, to be one word each.
decode() { IFS= read -r -d '' "$1" < <(base64 --decode <<<"$2") || true; } # VARIABLE TEXT

# file_name NAME: as the name of a file. One for one name: what a path gives a meaning to is %XX.
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

# files REPOSITORY archive|backup OPTIONS...: what this server has there.
files() { repository "$1" repo-ls --recurse "${@:3}" "$2/$stanza"; }

# missing_wal REPOSITORY [FILES]: what is missing between segments of its archive, a line each: the segment behind it, how many, and t
# if no backup has begun since, so that there is no way from a backup to now. FILES: they have been listed.
missing_wal() {
  local newest archived segment position last=0 timeline='' open
  newest=$(repository "$1" info | sed -n 's/^ *wal start\/stop: \([0-9A-F]*\) .*/\1/p' | tail -n 1)
  # Segments are sent several at a time: up to here all should be there. Without a server nothing is on its way.
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
