#!/bin/sh
# RQ2: what does a module preserve? One command from raw data to curves: a residual network is trained (or MODEL is
# taken), its blocks are measured and cut into modules, and blocks are removed from it and repeated in it, inside
# modules and, as a control, outside them in the same stages of the network. All of that for every seed; the last lines
# say what came out, with p-values of a permutation test. Every command is printed before it runs.
#
#     deeparc/experiments/rq2.sh BUILD_DIR [smoke|laptop|paper]          what `make rq2 SCALE=...` calls
#
# smoke: drawn digits, a small network, two minutes. laptop: a ResNet-32 of half the width on CIFAR-10, or on the first
# of MNIST, Fashion-MNIST and digits that this machine has; some two hours on two cores. paper: a ResNet-110 with the
# published training; its commands and their cost are shown, and nothing is run.
# Stopped and started again, it goes on where it was: a step is skipped when its record is there, its command is the
# same and no step before it was run; training goes on after its last epoch.
# Environment: MODEL (a file to take instead of training, with NORMALIZE when it records none), DATA, SEEDS ("1 2 3";
# smoke: 1), LINKAGE, THRESHOLD (that which puts about half of the blocks into modules of several), AMONG (stages: where
# controls are), CONTROLS (19), EPSILON (of the attacks), MOST (blocks followed, 0: all), TRAINING (options of the
# training: epochs, number of images), MEASURING (options of the curves: numbers of images, steps of the attack).
# shellcheck disable=SC2086 # options are words
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then echo "usage: $0 BUILD_DIR [smoke|laptop|paper]" >&2; exit 2; fi
case $1 in /*) build=$1 ;; *) build=$PWD/$1 ;; esac
scale=${2:-smoke}
cd "$(dirname "$0")/../.."
build=${build#"$PWD"/} # short names in what is printed
deeparc=$build/deeparc all=$build/rq2-$scale seeds=${SEEDS:-1 2 3}
[ -x "$deeparc" ] || { echo "deeparc rq2: there is no program $deeparc: run make" >&2; exit 2; }

usable() { # NAME: does the program find this data set, and can it read it?
    "$deeparc" train --model mlp-4 --data "$1" --limit 16 --test-limit 16 --max-steps 1 --quiet > /dev/null 2>&1
}
first_usable() { for name; do if usable "$name"; then echo "$name"; return; fi; done; }

case $scale in
smoke)
    seeds=${SEEDS:-1}
    data=${DATA:-digits} network=resnet20x0.5
    training="--epochs 3 --limit 6000 --test-limit 1000"
    measuring="--limit 500 --test-limit 500 --attack-limit 48 --steps 4" ;;
laptop)
    data=${DATA:-$(first_usable cifar10 mnist fashion-mnist digits)} network=resnet32x0.5
    training="--epochs 6"
    measuring="--limit 2560 --test-limit 2000 --attack-limit 256 --steps 10" ;;
paper)
    data=${DATA:-cifar10} network=resnet110
    training="--epochs 300 --batch 128 --rate 0.01 --schedule cosine --weight-decay 0.005 --augment crop4-reflect,flip
        --normalize none"
    measuring="--limit 10000 --attack-limit 1000 --steps 20" ;;
*) echo "deeparc rq2: the scale is smoke, laptop or paper, not '$scale'" >&2; exit 2 ;;
esac
case $data in cifar*) epsilon=0.5/255 ;; *) epsilon=8/255 ;; esac # so strong that something is left to lose
epsilon=${EPSILON:-$epsilon} linkage=${LINKAGE:-adjacent}
training=${TRAINING:-$training} measuring=${MEASURING:-$measuring}
begin=$(date +%s)

# step NAME COMMAND...: unless it was done before. Every command writes its record, NAME.json, when all else is done.
step() {
    name=$1; shift
    printf '\n$ %s\n' "$*"
    [ "$scale" != paper ] || return 0
    [ "$(cat "$out/$name.command" 2> /dev/null)" = "$*" ] || rm -f "$out/$name.json" "$out/$name.partial"
    if [ -z "$stale" ] && [ -e "$out/$name.json" ]; then echo "was done before"; return 0; fi
    stale=yes
    rm -f "$out/$name.json"
    echo "$*" > "$out/$name.command"
    if [ -e "$out/$name.partial" ]; then set -- "$@" --resume; fi
    "$@"
    rm -f "$out/$name.partial"
}

# Of the thresholds from .8 to .995, the one at which the share of blocks in modules of several is nearest to one half,
# so that there are blocks inside and outside. The matrix is of training images: no test image takes part.
choose_threshold() {
    "$deeparc" partition --similarity "$out/similarity.csv" --linkage "$linkage" --sweep 0.8:0.995:0.005 --quiet |
        awk '$1 ~ /^0\.[0-9]+$/ && NF == 7 { d = $6 - 0.5; if (d < 0) d = -d; if (!t || d <= best) { best = d; t = $1 } }
             END { print t }'
}

# What one seed gives: of the network and its training, or of a MODEL's controls and attacks.
study() {
    seed=$1 stale='' out=$all/seed-$1 model=${MODEL:-} how=${NORMALIZE:+--normalize $NORMALIZE}
    mkdir -p "$out"
    if [ -z "$model" ]; then
        model=$out/model.safetensors
        step train "$deeparc" train --model $network --data "$data" $training --seed "$seed" --out "$model" \
            --log "$out/train.csv" --checkpoint "$out/train.partial" --record "$out/train.json"
    fi
    step similarity "$deeparc" similarity "$model" --data "$data" $how --split train --limit 2560 \
        --out "$out/similarity.csv" --record "$out/similarity.json"
    threshold=${THRESHOLD:-}
    if [ -z "$threshold" ]; then
        if [ "$scale" = paper ]; then threshold=T; else threshold=$(choose_threshold); fi
        printf '\nthreshold %s: about half of the blocks lie in modules of several\n' "$threshold"
    fi
    for edit in remove repeat; do
        step $edit "$deeparc" properties "$model" --data "$data" $how --similarity "$out/similarity.csv" \
            --names "$out/similarity.json" --threshold "$threshold" --linkage "$linkage" --edit $edit \
            --most "${MOST:-0}" --among "${AMONG:-stages}" --controls "${CONTROLS:-19}" --epsilon "$epsilon" \
            $measuring --seed "$seed" --csv "$out/$edit.csv" --html "$out/$edit.html" --record "$out/$edit.json"
    done
}

# Of a record: inside minus controls, or the p-value, of one property.
number_in() { # MEMBER PROPERTY FILE
    tr -d ' \n' < "$3" | sed -n 's/.*"'"$1"'":{[^}]*"'"$2"'":\([-0-9.e]*\|null\).*/\1/p'
}

summarise() {
    printf '\n%-6s %-7s %12s   %s\n' seed edit property 'inside minus controls, and p'
    for seed in $seeds; do for edit in remove repeat; do for property in accuracy fgsm pgd ridge softmax; do
        record=$all/seed-$seed/$edit.json
        printf '%-6s %-7s %12s   %s %s\n' "$seed" $edit $property "$(number_in inside_minus_controls $property "$record")" \
            "$(number_in p_values $property "$record")" | awk '
            { printf "%-6s %-7s %12s   %+8.2f points   p %.3f\n", $1, $2, $3, 100 * $4, $5 }'
    done; done; done
}

for seed in $seeds; do study "$seed"; done
if [ "$scale" = paper ]; then
    printf '\nPlanned, not run. The training costs what follows; the curves of some 500 networks, each a little less\n'
    printf 'than 100,000 forward passes, cost about as much again.\n'
    "$deeparc" sweep plan --preset paper --data "$data" --grid depth=110 --grid share=1 --grid classes=10 \
        --grid "seed=$(echo $seeds | tr ' ' ,)" --dir "$all"
    exit 0
fi
summarise
printf '\n%d seconds on %s. The curves: %s/seed-*/remove.html and repeat.html; every network a line: %s\n' \
    "$(($(date +%s) - begin))" "$data" "$all" "remove.csv, repeat.csv"
