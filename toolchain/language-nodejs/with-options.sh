#!/bin/sh
# Stands before the language host that is built: Pulumi tells a host the options of a project in a call that one so old does
# not know. It takes them as flags. Pulumi starts it in the project's folder.
option() {
  sed -n "s/^ *$1: *//p" Pulumi.yaml 2>/dev/null | head -n 1 | sed "s/^[\"']//; s/[\"']\$//"
}
typescript=$(option typescript)
nodeargs=$(option nodeargs)
exec "$0-built" ${typescript:+"-typescript=$typescript"} ${nodeargs:+"-nodeargs=$nodeargs"} "$@"
