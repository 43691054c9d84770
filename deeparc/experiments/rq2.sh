#!/bin/sh
# RQ2: what does a module preserve? One command from raw data to curves: a residual network is trained (or MODEL is
# taken), its blocks are measured and cut into modules, and blocks are removed from it and repeated in it, inside
# modules and, as a control, outside. Every command is printed before it runs.
#
#     deeparc/experiments/rq2.sh BUILD_DIR [smoke|laptop|paper]          what `make rq2 SCALE=...` calls
#
# smoke: drawn digits, a small network, two minutes. laptop: a ResNet-32 on CIFAR-10, or on the first of MNIST,
# Fashion-MNIST and digits that this machine has; an hour or two. paper: a ResNet-110 with the published training.
# Environment: MODEL (a file to take instead of training, with NORMALIZE when it records none), DATA, SEED, THRESHOLD,
# LINKAGE, CONTROLS, EPSILON (of the attacks), MOST (blocks followed, 0: all).
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

published="--batch 128 --rate 0.01 --weight-decay 0.005 --augment crop4-reflect,flip --normalize none"
case $scale in
smoke)
    data=${DATA:-digits} network=resnet20x0.5 threshold=${THRESHOLD:-0.95}
    training="--epochs 3 --limit 6000 --test-limit 1000"
    measuring="--limit 500 --test-limit 500 --attack-limit 48 --steps 4" ;;
laptop)
    data=${DATA:-$(first_usable cifar10 mnist fashion-mnist digits)} network=resnet32 threshold=${THRESHOLD:-0.97}
    training="--epochs 10 --augment crop4,flip"
    case $data in *mnist*|digits) network=resnet32x0.5 training="--epochs 3" ;; esac
    measuring="--limit 2560 --test-limit 2000 --attack-limit 256 --steps 10" ;;
paper)
    data=${DATA:-cifar10} network=resnet110 threshold=${THRESHOLD:-0.98}
    training="--epochs 300 $published"
    measuring="--limit 10000 --attack-limit 1000 --steps 20" ;;
*) echo "deeparc rq2: the scale is smoke, laptop or paper, not '$scale'" >&2; exit 2 ;;
esac
seed=${SEED:-1} linkage=${LINKAGE:-adjacent}
mkdir -p "$out"
begin=$(date +%s)

run() { printf '\n$ %s\n' "$*"; "$@"; }

model=${MODEL:-} how=${NORMALIZE:+--normalize $NORMALIZE}
if [ -z "$model" ]; then
    model=$out/model.safetensors
    run "$deeparc" train --model $network --data "$data" $training --seed "$seed" --out "$model" \
        --log "$out/train.csv" --record "$out/train.json"
fi
run "$deeparc" similarity "$model" --data "$data" $how --split train --limit 2560 --threshold "$threshold" \
    --linkage "$linkage" --out "$out/similarity.csv" --record "$out/similarity.json"
for edit in remove repeat; do
    run "$deeparc" properties "$model" --data "$data" $how --similarity "$out/similarity.csv" \
        --names "$out/similarity.json" --threshold "$threshold" --linkage "$linkage" --edit $edit --most "${MOST:-0}" \
        --controls "${CONTROLS:-10}" --epsilon "${EPSILON:-2/255}" $measuring --seed "$seed" \
        --csv "$out/$edit.csv" --html "$out/$edit.html" --record "$out/$edit.json"
done
printf '\n%d seconds on %s. The curves: %s/remove.html and repeat.html; every network a line: remove.csv, repeat.csv\n' \
    "$(($(date +%s) - begin))" "$data" "$out"
