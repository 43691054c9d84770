#!/bin/sh
# Runs every script here against the program $DEEPARC (build/deeparc), or those whose names are given, and adds up.
#     tests/commands/run.sh            tests/commands/run.sh errors resume
# The name `unit` is the program of the unit tests, $BUILD/unit. JOBS=2 of them run at a time: those that take longest
# begin, and each prints its lines when it has ended.
here=$(cd "$(dirname "$0")" && pwd)

if [ "${1:-}" = --one ]; then # one of them, by xargs: its lines into $logs/NAME, then to the terminal in one piece
    begun=$(date +%s)
    if [ "$2" = unit ]; then "${BUILD:?}/unit" > "$logs/$2" 2>&1
    else sh "$here/$2.sh" > "$logs/$2" 2>&1; fi
    grep -qE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$logs/$2" ||
        printf 'FAIL  %s ended without a count\n0 passed, 1 failed, 0 skipped\n' "$2" >> "$logs/$2"
    printf '%s\n' "== $2 ($(($(date +%s) - begun)) s)
$(sed '$d' "$logs/$2")"
    exit
fi

if [ $# -eq 0 ]; then
    for file in "$here"/*.sh; do
        name=$(basename "$file" .sh)
        case $name in run | library) ;; *) set -- "$@" "$name" ;; esac
    done
fi
logs=$(mktemp -d "${TMPDIR:-/tmp}/deeparc-run.XXXXXX") || exit 1
trap 'rm -rf "$logs"' EXIT
export logs
long=' unit bits pages readme bench '
{ for name in $long; do case " $* " in *" $name "*) echo "$name" ;; esac; done
  for name; do case $long in *" $name "*) ;; *) echo "$name" ;; esac; done; } |
    xargs -n 1 -P "${JOBS:-2}" sh "$here/run.sh" --one
for name; do tail -n 1 "$logs/$name"; done | awk '{ p += $1; f += $3; s += $5 }
    END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 }'
