# What tests/bits.sh and tests/platforms.sh share: builds in folders of their own below build/bits, and a sum of what the
# tests that run them counted.
#
#     missing PROGRAM...       prints the first that is not there
#     skip NAME PROGRAM        says that it is not
#     build NAME ARGUMENT...   make in build/bits/NAME; counts a failure
#     count COMMAND...         runs a test, adds what its last line says
#     finish                   the last line, and the exit status
builds=$root/build/bits
passed=0 failed=0 skipped=0
mkdir -p "$builds"

missing() {
    for program; do command -v "$program" > /dev/null 2>&1 || { echo "$program"; return; }; done
}
skip() { skipped=$((skipped + 1)); echo "skip  $1: there is no $2 here"; }
good() { passed=$((passed + 1)); echo "ok    $1"; }
bad() { failed=$((failed + 1)); echo "FAIL  $1: $2"; }
build() {
    name=$1; shift
    echo "== $name"
    make -s BUILD="build/bits/$name" "$@" && return
    bad "$name" "it does not build"
    return 1
}
count() {
    "$@" > "$builds/log" 2>&1
    counts=$(tail -n 1 "$builds/log" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p')
    if [ -z "$counts" ]; then cat "$builds/log"; else sed '$d' "$builds/log"; fi
    read -r p f s << COUNTS
${counts:-0 1 0}
COUNTS
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}
finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ $failed -eq 0 ]
    exit $?
}
