#!/bin/sh
# Are more threads faster, or at least not slower, however small the batch?
#     threads.sh [--rounds N] [--seconds S] [--threads "1 2"] [--batches "1 2 4 8 16"] [--modes "infer train"] [MODEL...]
#
#     a round     the numbers of threads in turn, each for S seconds
#     a line      the median of the rounds: images a second on the first number, and times as many on each other
#
# Processors that do something else meanwhile spoil this more than any other measurement: a thread that gets none of them
# is waited for. $DEEPARC is the program.
here=$(cd "$(dirname "$0")" && pwd)
deeparc=${DEEPARC:-$here/../../build/deeparc}
rounds=5 seconds=2 threads='1 2' batches='1 2 4 8 16' modes='infer train' models=''
usage() {
    sed -n 's/^#     threads.sh /usage: threads.sh /p' "$0" >&2
    exit 2
}
while [ $# -gt 0 ]; do
    case $1 in
    --rounds | --seconds | --threads | --batches | --modes)
        [ $# -ge 2 ] || usage
        eval "${1#--}=\$2" # the variable is called as the option is
        shift ;;
    -*) usage ;;
    *) models="$models $1" ;;
    esac
    shift
done
work=$(mktemp -d "${TMPDIR:-/tmp}/threads.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
median() { sort -n "$1" | awk '{ x[NR] = $1 } END { print x[int((NR + 1) / 2)] }'; }

for model in ${models:-lenet resnet20 resnet56}; do for mode in $modes; do for batch in $batches; do
    rm -f "$work"/*
    for _ in $(seq "$rounds"); do for t in $threads; do
        "$deeparc" bench --model "$model" --mode "$mode" --batch "$batch" --threads "$t" --seconds "$seconds" --json \
            --quiet > "$work/json" || exit 1
        sed -n 's/.*"samples_per_s": *\([0-9.]*\).*/\1/p' "$work/json" >> "$work/$t"
    done; done
    line="$model $mode, batch $batch:" first=''
    for t in $threads; do
        speed=$(median "$work/$t")
        if [ -z "$first" ]; then first=$speed line="$line $speed images/s on $t"
        else line="$line, x$(echo "$speed $first" | awk '{ printf "%.2f", $1 / $2 }') on $t"; fi
    done
    echo "$line"
done; done; done
