# Sourced by what opens sessions: the options that they begin with (see the two files), in the environment for all programs of
# PostgreSQL.

# options FILE...: as PGOPTIONS has them.
options() { (cd /usr/local/share/pgwright && sed -n 's/^-c /&/p' "$@" | tr '\n' ' '); }

# Of code that users own, and of everything else.
run_options=$(options run-options)
export PGOPTIONS="$run_options $(options session-options)"
# Beside those, for what is not for the audit log.
not_audited='-c pgaudit.log=none'
