# Sourced by the scripts of agent and drill: paths, and access to the server and its repositories.
# shellcheck shell=bash disable=SC2034 # used by the scripts that source this file

. sessions.sh
. json.sh

config=/etc/pgwright/pgbackrest.conf
# What the scripts need of the stack file; backup/agent-configuration.ts has its shape.
configuration=/etc/pgwright/agent.json
# The ledgers are here, in JSON Lines; backup/ledgers.ts has their shape.
home=/var/lib/pgwright
dumps=/var/lib/pgwright-dumps
export PGHOST=/var/lib/postgresql/data/socket PGUSER=postgres

# The server's stanza, and the numbers of the repositories.
stanza=$(jq --raw-output .stanza "$configuration")
repositories=$(jq '.repositories[].number' "$configuration")
# Repositories in buckets of an object store, where each request costs money.
buckets=$(jq '.repositories[] | select(.bucket).number' "$configuration")

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

# ledger NAME: prints the entries of a ledger, without lines that a full disk has cut off.
ledger() { [ ! -e "$home/$1.jsonl" ] || jq --raw-input --compact-output 'fromjson? // empty' "$home/$1.jsonl"; }

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

# info OPTIONS OF pgbackrest...: the contents of the repositories. Texts of errors contain unescaped line ends, which JSON does not allow.
info() { pgbackrest --config="$config" --output=json "$@" info | tr '[:cntrl:]' ' '; }

# files REPOSITORY archive|backup: this server's files.
files() { repository "$1" repo-ls --recurse --output=json "$2/$stanza"; }

# from_pgbackrest FILTER OPTIONS OF jq...: applies a filter with the functions of pgbackrest.jq to the JSON of stdin.
from_pgbackrest() { jq --raw-output --compact-output -L /usr/local/share/pgwright "${@:2}" "include \"pgbackrest\"; $1"; }

# missing_wal REPOSITORY [FILES]: prints each gap in the archived segments. FILES: a listing to read instead of the repository.
missing_wal() {
  local newest archived
  newest=$(info --stanza="$stanza" --repo="$1" | from_pgbackrest 'newest_start // ""')
  # Without a server, no segment is in transfer, and all have to exist.
  archived=$(ask postgres <<<"SELECT coalesce(substring(last_archived_wal FROM '^[0-9A-F]{24}'), '') FROM pg_stat_archiver" 2>/dev/null) || archived=G
  # shellcheck disable=SC2016 # variables of jq
  if [ -n "${2:-}" ]; then cat "$2"; else files "$1" archive; fi |
    from_pgbackrest 'missing_wal($repository; $archived; $newest)' --argjson repository "$1" --arg archived "$archived" --arg newest "$newest"
}
