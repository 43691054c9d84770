# What the scripts here share. A script reads this file, calls check..., and ends with `finish`.
#
#     check NAME COMMAND...                    the command must succeed
#     check_says NAME TEXT COMMAND...          ... and its standard output must contain TEXT
#     check_fails NAME STATUS TEXT COMMAND...  it must exit with STATUS and say one line on stderr that contains TEXT
#     check_same NAME A B                      two texts must be equal and not empty
#     skip NAME REASON
#
# $deeparc is the program, $work a directory that goes when the script ends. Nothing needs the network.

root=$(cd "$(dirname "$0")/../.." && pwd)
deeparc=${DEEPARC:-$root/build/deeparc}
case $deeparc in /*) ;; *) deeparc=$PWD/$deeparc ;; esac
export OMP_WAIT_POLICY=passive # threads that wait sleep: on a busy machine those that spin take ten times as long
passed=0 failed=0 skipped=0
if [ ! -x "$deeparc" ]; then
    echo "FAIL  there is no program $deeparc: make builds it"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/deeparc-commands.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP TERM

good() { passed=$((passed + 1)); echo "ok    $1"; }
bad() { failed=$((failed + 1)); echo "FAIL  $1: $2"; }
skip() { skipped=$((skipped + 1)); echo "skip  $1: $2"; }

# Runs a command; leaves $status, $work/out, $work/err.
try() {
    "$@" > "$work/out" 2> "$work/err"
    status=$?
}

check() {
    name=$1; shift
    try "$@"
    if [ $status -eq 0 ]; then good "$name"; else bad "$name" "status $status, $(head -n 3 "$work/err")"; fi
}

check_says() {
    name=$1 text=$2; shift 2
    try "$@"
    if [ $status -ne 0 ]; then bad "$name" "status $status, $(head -n 3 "$work/err")"
    elif ! grep -F -e "$text" "$work/out" > /dev/null; then bad "$name" "'$text' is not in '$(head -n 3 "$work/out")'"
    else good "$name"; fi
}

check_fails() {
    name=$1 wanted=$2 text=$3; shift 3
    try "$@"
    lines=$(wc -l < "$work/err")
    if [ $status -ne "$wanted" ]; then bad "$name" "status $status, not $wanted: $(head -n 3 "$work/err")"
    elif [ "$lines" -ne 1 ]; then bad "$name" "$lines lines on stderr: $(head -n 3 "$work/err")"
    elif ! grep -F -e "$text" "$work/err" > /dev/null; then bad "$name" "'$text' is not in '$(cat "$work/err")'"
    elif ! grep '^deeparc' "$work/err" > /dev/null; then bad "$name" "no 'deeparc' in front: '$(cat "$work/err")'"
    else good "$name"; fi
}

check_same() {
    if [ -n "$2" ] && [ "$2" = "$3" ]; then good "$1"; else bad "$1" "'$2' and '$3'"; fi
}

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ $failed -eq 0 ]
    exit $?
}

# ---- Bytes for hostile files. ----

bytes() { # bytes 0 0 8 3: those bytes
    for byte; do printf "\\$(printf %03o "$byte")"; done
}
be32() { bytes $(($1 / 16777216 % 256)) $(($1 / 65536 % 256)) $(($1 / 256 % 256)) $(($1 % 256)); }
zeros() { head -c "$1" /dev/zero; }
idx_images() { bytes 0 0 8 3; be32 "$1"; be32 28; be32 28; } # the header of $1 images of 28x28
idx_labels() { bytes 0 0 8 1; be32 "$1"; }

# ---- What GNU's tools have and others may not. ----

within() { # within SECONDS COMMAND...: ended then, where there is a timeout
    if command -v timeout > /dev/null; then timeout "$@"; else shift; "$@"; fi
}

sha() { grep -o 'sha256:[0-9a-f]*' | head -n 1; }
