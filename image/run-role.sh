# Sourced by the scripts that run code of users: queries, masks, and the triggers, policies, views and index expressions of the tables
# that they use. SET ROLE in a superuser's session is no protection, since RESET ROLE undoes it. So each run has a temporary role, whose
# only privilege is to become the role that the code runs as. provider/run-role.ts does the same over docker exec.
# SQL that runs this way names objects of the catalogs with their schema.
# shellcheck shell=bash

. sessions.sh

# as_role CONNECT DATABASE ROLE OPTIONS OF psql...: runs the SQL of stdin as a role; CONNECT is a function like ask. For a superuser, the
# session is that of postgres.
as_role() {
  local connect=$1 database=$2 role=$3 code=0
  shift 3
  run_role "$connect" "$database" "$role" || return
  # The search_path of the database applies to unqualified names.
  { echo 'SET ROLE :"role";'; cat; } |
    PGOPTIONS=$run_options "$connect" "$database" --username="$run_role" --set=role="$role" "$@" || code=$?
  end_run_role "$connect" "$database" "$role" || return
  return $code
}

# run_role CONNECT DATABASE ROLE: creates the role of a run, $run_role; end_run_role with the same arguments drops it. Only one run at a
# time: other roles of that name pattern are leftovers of killed runs.
run_role() {
  exec 7>/tmp/run-role-lock
  flock 7
  run_role=pgwright_run_agent_$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
  if [ "$("$1" "$2" --set=role="$3" <<<"SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = :'role'")" = t ]; then
    run_role=postgres
    return
  fi
  # A leftover with objects in another database stays until a run there.
  "$1" "$2" --set=role="$3" --set=run="$run_role" <<'SQL'
DO $$
DECLARE
  v_left name;
BEGIN
  FOR v_left IN SELECT rolname FROM pg_catalog.pg_roles WHERE rolname ~ '^pgwright_run_agent_[0-9a-f]{16}$' LOOP
    EXECUTE pg_catalog.format('DROP OWNED BY %I', v_left);
    BEGIN
      EXECUTE pg_catalog.format('DROP ROLE %I', v_left);
    EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
    END;
  END LOOP;
END
$$;
CREATE ROLE :"run" LOGIN NOINHERIT;
GRANT :"role" TO :"run" WITH INHERIT TRUE, SET TRUE, ADMIN FALSE;
SQL
}

end_run_role() {
  [ "$run_role" = postgres ] || "$1" "$2" --set=role="$3" --set=run="$run_role" <<'SQL'
REASSIGN OWNED BY :"run" TO :"role";
DROP OWNED BY :"run";
DROP ROLE :"run";
SQL
  local code=$?
  flock --unlock 7
  return $code
}

# owner_of_database CONNECT DATABASE; owner_of CONNECT DATABASE RELATION (quoted for SQL): set $owner to the role.
owner_of_database() {
  read_owner "$1" "$2" <<<"SELECT pg_catalog.pg_get_userbyid(datdba) FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()"
}
owner_of() {
  read_owner "$1" "$2" --set=relation="$3" <<<"SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class WHERE oid = :'relation'::pg_catalog.regclass"
}

read_owner() {
  owner=''
  IFS= read -r -d '' owner < <("$@" --record-separator-zero)
}

# restricted: prints the SQL of stdin, with psql's own commands disabled: \! and \connect would bypass the role.
restricted() {
  printf '\\restrict %s\n' "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
  cat
}

# checked CONNECT DATABASE ROLE: prints the result of the check of stdin, or its error. Read-only. Without a role, runs as the owner of the
# database.
checked() {
  local owner=${3:-}
  [ -n "$owner" ] || owner_of_database "$1" "$2" 2>&1 || return
  { echo 'SET default_transaction_read_only = on;'; restricted; } | as_role "$1" "$2" "$owner" 2>&1
}
