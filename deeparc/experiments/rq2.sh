#!/bin/sh
# RQ2: what does a module preserve? One command from raw data to curves: a residual network is trained (or MODEL is
# taken), its blocks are measured and cut into modules, and blocks are removed from it and repeated in it, inside
# modules and, as a control, outside. Every command is printed before it runs.
#
#     deeparc/experiments/rq2.sh BUILD_DIR [smoke|laptop|paper]          what `make rq2 SCALE=...` calls
#
# smoke: drawn digits, a small network, two minutes. laptop: a ResNet-32 of half the width on CIFAR-10, or on the first
# of MNIST, Fashion-MNIST and digits that this machine has; less than an hour on two cores. paper: a ResNet-110 with the
# published training; its commands and their cost are shown, and nothing is run.
# Stopped and started again, it goes on where it was: a step is skipped when its record is there, its command is the
# same and no step before it was run; training goes on after its last epoch.
# Environment: MODEL (a file to take instead of training, with NORMALIZE when it records none), DATA, SEED, LINKAGE,
# THRESHOLD (that which puts about half of the blocks into modules of several), CONTROLS, EPSILON (of the attacks), MOST
# (blocks followed, 0: all).
# shellcheck disable=SC2086 # options are words
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then echo "usage: $0 BUILD_DIR [smoke|laptop|paper]" >&2; exit 2; fi
case $1 in /*) build=$1 ;; *) build=$PWD/$1 ;; esac
scale=${2:-smoke}
cd "$(dirname "$0")/../.."
build=${build#"$PWD"/} # short names in what is printed
deeparc=$build/deeparc out=$build/rq2-$scale
[ -x "$deeparc" ] || { echo "deeparc rq2: there is no program $deeparc: run make" >&2; exit 2; }

usable() { # NAME: does the program find this data set, and can it read it?
    "$deeparc" train --model mlp-4 --data "$1" --limit 16 --test-limit 16 --max-steps 1 --quiet > /dev/null 2>&1
}
first_usable() { for name; do if usable "$name"; then echo "$name"; return; fi; done; }

case $scale in
smoke)
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
epsilon=${EPSILON:-$epsilon} seed=${SEED:-1} linkage=${LINKAGE:-adjacent}
mkdir -p "$out"
begin=$(date +%s)

# step NAME COMMAND...: unless it was done before. Every command writes its record, NAME.json, when all else is done.
stale=''
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
        awk '$1 ~ /^0\.[0-9]+$/ && /\|/ { d = $NF - 0.5; if (d < 0) d = -d; if (!t || d <= best) { best = d; t = $1 } }
             END { print t }'
}

model=${MODEL:-} how=${NORMALIZE:+--normalize $NORMALIZE}
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
        --names "$out/similarity.json" --threshold "$threshold" --linkage "$linkage" --edit $edit --most "${MOST:-0}" \
        --controls "${CONTROLS:-10}" --epsilon "$epsilon" $measuring --seed "$seed" \
        --csv "$out/$edit.csv" --html "$out/$edit.html" --record "$out/$edit.json"
done

if [ "$scale" = paper ]; then
    printf '\nPlanned, not run. The training costs what follows; the curves of some 500 networks, each a little less\n'
    printf 'than 100,000 forward passes, cost about as much again.\n'
    "$deeparc" sweep plan --preset paper --data "$data" --grid depth=110 --grid share=1 --grid classes=10 \
        --grid "seed=$seed" --dir "$out"
    exit 0
fi
printf '\n%d seconds on %s. The curves: %s/remove.html and repeat.html; every network a line: %s\n' \
    "$(($(date +%s) - begin))" "$data" "$out" "remove.csv, repeat.csv"
