#!/bin/sh
# Runs the unit tests and the tests of the commands of one build, and ends with "N passed, N failed".
# Usage: tests/run.sh BUILD        e.g. tests/run.sh build
build=${1:?usage: tests/run.sh BUILD}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEEPARC="$build/deeparc"
status=0
{ "$build/unit" || echo "unit tests ended with status $?"; } 2>&1 | tee "$log"
{ BUILD="$build" sh tests/commands/run.sh || echo "command tests ended with status $?"; } 2>&1 | tee -a "$log"
# The last line of each part holds its counts; a part without one has crashed.
counts=$(grep -cE '^[0-9]+ passed, [0-9]+ failed' "$log")
[ "$counts" -ge 2 ] || { echo "FAIL a part of the tests ended without counts"; echo "0 passed, 1 failed" >> "$log"; }
# shellcheck disable=SC2046
set -- $(awk '/^[0-9]+ passed, [0-9]+ failed/ { p += $1; f += $3; if ($6 ~ /skipped/) s += $5 }
              END { print p + 0, f + 0, s + 0 }' "$log")
[ "$2" -eq 0 ] || status=1
[ "$3" -eq 0 ] || echo "$3 skipped: the lines above that begin with 'skip' say why"
echo "$1 passed, $2 failed"
exit $status
