#!/bin/sh
# Runs one fuzzer and prints its last line, or, when it found something, the end of what it said.
# Usage: tests/fuzz/run.sh BUILD/fuzz_NAME SECONDS [OPTION...]        OPTION: of libFuzzer, e.g. -runs=1000000
program=${1:?usage: tests/fuzz/run.sh BUILD/fuzz_NAME SECONDS [OPTION...]}
seconds=${2:?}
shift 2
name=${program##*/}
build=${program%/*}
seeds=tests/fuzz/seeds/$name
mkdir -p "$build/corpus/$name"
[ ! -d "$seeds" ] || set -- "$@" -dict=tests/fuzz/records.dict
if "$program" -max_total_time="$seconds" -rss_limit_mb=4096 -artifact_prefix="$build/$name-" "$@" \
    "$build/corpus/$name" $([ ! -d "$seeds" ] || echo "$seeds") > "$program.log" 2>&1; then
    echo "$name: $(tail -n 1 "$program.log")"
else
    tail -n 60 "$program.log"
    echo "FAIL $name: the input is $build/$name-*"
    exit 1
fi
