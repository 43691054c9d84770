#!/bin/sh
# Runs every script here against the program $DEEPARC (build/deeparc), or those whose names are given, and adds up.
#     tests/commands/run.sh            tests/commands/run.sh errors resume
here=$(cd "$(dirname "$0")" && pwd)
total_passed=0 total_failed=0 total_skipped=0
if [ $# -eq 0 ]; then
    for file in "$here"/*.sh; do
        name=$(basename "$file" .sh)
        case $name in run | library) ;; *) set -- "$@" "$name" ;; esac
    done
fi
lines=$(mktemp "${TMPDIR:-/tmp}/deeparc-run.XXXXXX") || exit 1
trap 'rm -f "$lines"' EXIT
for name; do
    echo "== $name"
    sh "$here/$name.sh" > "$lines" 2>&1
    sed '$d' "$lines"
    last=$(tail -n 1 "$lines")
    counts=$(echo "$last" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p')
    if [ -z "$counts" ]; then # the script itself broke
        echo "$last"
        echo "FAIL  $name ended without a count"
        counts="0 1 0"
    fi
    read -r p f s <<COUNTS
$counts
COUNTS
    total_passed=$((total_passed + p)) total_failed=$((total_failed + f)) total_skipped=$((total_skipped + s))
done
echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
[ $total_failed -eq 0 ]
