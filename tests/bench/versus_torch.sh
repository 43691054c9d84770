#!/bin/sh
# Ours and PyTorch in turn, on this machine: how many times as many images a second?
#     versus_torch.sh [--rounds N] [--seconds S] [--threads T] [--modes "train infer"] [--conv "auto direct"]
#                     [--csv FILE] [MODEL...]
#
#     once a network and mode     PyTorch's settings, one after the other: the fastest is the one to beat
#     then N times                ours, theirs, ours, theirs, ...      ratio of a round = ours / theirs
#     the result                  the median of the ratios
#
# $PEERS names a folder whose torch_bench.sh runs PyTorch; without it torch_bench.py beside this script does, by
# $PYTHON. $DEEPARC is our program. README.md here says what is measured, and how to read it.
here=$(cd "$(dirname "$0")" && pwd)
deeparc=${DEEPARC:-$here/../../build/deeparc}
python=${PYTHON:-python3}
rounds=5 seconds=4 threads=2 modes="train infer" conv=auto csv='' models=''

usage() {
    echo "versus_torch.sh: $1" >&2
    sed -n 's/^#     versus_torch.sh /usage: versus_torch.sh /p' "$0" >&2
    exit 2
}
number() { case $2 in '' | *[!0-9]* | 0*) usage "$1 needs a whole number above 0, not '$2'" ;; esac; }
while [ $# -gt 0 ]; do
    case $1 in
    --rounds | --seconds | --threads | --modes | --conv | --csv)
        [ $# -ge 2 ] || usage "$1 needs a value"
        case $1 in --rounds | --seconds | --threads) number "$1" "$2" ;; esac
        eval "${1#--}=\$2" # the variable is called as the option is
        shift ;;
    --*) usage "there is no option $1" ;;
    *) models="$models $1" ;;
    esac
    shift
done
for mode in $modes; do
    case $mode in train | infer) ;; *) usage "a mode is train or infer, not '$mode'" ;; esac
done
for how in $conv; do
    case $how in direct | winograd | auto) ;; *) usage "--conv is direct, winograd or auto, not '$how'" ;; esac
done
[ -x "$deeparc" ] || { echo "versus_torch.sh: there is no program $deeparc: make builds it" >&2; exit 1; }
if [ -n "$PEERS" ] && [ ! -f "$PEERS/torch_bench.sh" ]; then
    echo "versus_torch.sh: \$PEERS names '$PEERS', which has no torch_bench.sh" >&2
    exit 1
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/deeparc-versus.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Prints "samples_per_s peak_mib" of one run of ours.
ours() { # MODEL train|infer direct|winograd|auto
    "$deeparc" bench --model "$1" --mode "$2" --conv "$3" --threads "$threads" --batch 128 --seconds "$seconds" --json --quiet |
        tr -d ' ,"' | awk -F: '$1 == "samples_per_s" { speed = $2 } $1 == "peak_mib" { memory = $2 }
                              END { print speed, memory }'
}

# The same of PyTorch. glibc's thresholds are raised, or every step would fault its memory in anew; an OpenBLAS built on
# OpenMP shares PyTorch's threads instead of fighting them.
theirs() { # MODEL nchw|nhwc train|infer|jit
    if [ -n "$PEERS" ]; then
        sh "$PEERS/torch_bench.sh" "$1" "$threads" "$2" "$3" "$seconds"
    else
        env OMP_NUM_THREADS="$threads" OPENBLAS_NUM_THREADS="$threads" PYTHONDONTWRITEBYTECODE=1 \
            MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296 \
            LD_LIBRARY_PATH="/usr/lib/$(uname -m)-linux-gnu/openblas-openmp${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" \
            "$python" -W ignore "$here/torch_bench.py" "$1" "$threads" "$2" "$3" "$seconds"
    fi 2> "$work/err" | awk '{ for (i = 1; i < NF; i++) { if ($i == "peak") memory = $(i + 1)
                                                          if ($i == "samples_per_s") speed = $(i + 1) } }
                             END { print speed, memory }'
}

median() { sort -g | awk '{ x[NR] = $1 } END { print NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'; }

# Writes the fastest setting, "nchw train" or "nhwc jit", into $best.
choose() { # MODEL train|infer
    best='' fastest=0
    case $2 in train) kinds=train ;; *) kinds="infer jit" ;; esac
    for kind in $kinds; do
        for layout in nchw nhwc; do
            speed=$(theirs "$1" "$layout" "$kind" | cut -d' ' -f1)
            if [ -n "$speed" ] && awk "BEGIN { exit !($speed > $fastest) }"; then
                best="$layout $kind" fastest=$speed
            fi
        done
    done
    [ -n "$best" ] && return
    echo "versus_torch.sh: PyTorch does not run $1: $(tail -n 1 "$work/err")" >&2
    exit 1
}

compare() { # MODEL train|infer direct|winograd|auto; $best is chosen
    : > "$work/rounds"
    for round in $(seq "$rounds"); do
        a=$(ours "$1" "$2" "$3")
        # shellcheck disable=SC2086
        b=$(theirs "$1" $best)
        if [ "$(echo "$a $b" | wc -w)" -ne 4 ]; then
            echo "versus_torch.sh: round $round of $1, $2, $3 gave no figures: '$a' and '$b'" >&2
            exit 1
        fi
        echo "$a $b" >> "$work/rounds"
    done
    ratio=$(awk '{ print $1 / $3 }' "$work/rounds" | median)
    speed=$(cut -d' ' -f1 "$work/rounds" | median) their_speed=$(cut -d' ' -f3 "$work/rounds" | median)
    memory=$(cut -d' ' -f2 "$work/rounds" | median) their_memory=$(cut -d' ' -f4 "$work/rounds" | median)
    share=$(awk "BEGIN { print $memory / $their_memory }")
    printf '%-10s %-6s %-8s %6.2f %10.0f %10.0f  %-11s %8.0f %8.0f %7.2f\n' \
        "$1" "$2" "$3" "$ratio" "$speed" "$their_speed" "$best" "$memory" "$their_memory" "$share"
    printf '%s,%s,%s,%s,128,%s,%s,%s,%s,%s,%s,%s,%s\n' "$1" "$2" "$3" "$threads" "$rounds" "$ratio" "$speed" "$their_speed" \
        "$best" "$memory" "$their_memory" "$share" >> "$work/csv"
}

columns=network,mode,conv,threads,batch,rounds,ratio,samples_per_s,torch_samples_per_s,torch_setting,peak_mib,torch_peak_mib
echo "$columns,memory_ratio" > "$work/csv"
echo "                           ratio      ours    PyTorch  its best         MiB  PyTorch   ratio"
for model in ${models:-mlp lenet smallcnn resnet20 resnet56 resnet110}; do
    for mode in $modes; do
        choose "$model" "$mode"
        for how in $conv; do compare "$model" "$mode" "$how"; done
    done
done
[ -z "$csv" ] || cp "$work/csv" "$csv"
