# Sourced by scripts that read JSON: sets variables to its texts. For jq 1.6 (Debian bookworm) and later.
# shellcheck shell=bash

# fields OBJECT NAME...: sets the variable of each name to the field of that name; to nothing if it is null or absent.
fields() {
  local _values _i
  mapfile -d '' -t _values < <(
    jq --join-output --args '. as $object | $ARGS.positional[] | $object[.] | (if . == null then "" else . end), "\u0000"' "${@:2}" <<<"$1"
  )
  for ((_i = 2; _i <= $#; _i++)); do printf -v "${!_i}" %s "${_values[_i - 2]}"; done
}

# texts ARRAY FILTER OPTIONS OF jq...: sets the array to the texts that the filter finds in the JSON of stdin.
texts() { mapfile -d '' -t "$1" < <(jq --join-output "${@:3}" "($2) | ., \"\\u0000\""); }

# objects ARRAY FILTER: sets the array to the objects that the filter finds in the JSON of stdin.
objects() { mapfile -t "$1" < <(jq --compact-output "$2"); }
