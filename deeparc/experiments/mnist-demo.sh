#!/bin/sh
# The whole story on handwritten digits: train, measure, cut into modules, remove, repair. Every command is printed
# before it runs, so that it can be repeated by hand; every figure comes from this run.
#
#     deeparc/experiments/mnist-demo.sh BUILD_DIR [DATA]          what `make mnist-demo` calls
#
# DATA: mnist, fashion-mnist or digits; without it the first of them that this machine has, MNIST being fetched if it is
# missing. Environment: SEED, MODEL, EPOCHS, REPAIR_EPOCHS, THRESHOLD, LINKAGE, ENOUGH, MAX_DROP, VALIDATION; LIMIT and
# TEST_LIMIT, the numbers of images used, make it short: with LIMIT=1000 alone a network still learns.
# shellcheck disable=SC2086 # $part, $test_part and $batch are words or nothing
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then echo "usage: $0 BUILD_DIR [DATA]" >&2; exit 2; fi
case $1 in /*) build=$1 ;; *) build=$PWD/$1 ;; esac
cd "$(dirname "$0")/../.."
build=${build#"$PWD"/} # short names in what is printed
deeparc=$build/deeparc out=$build/mnist-demo
[ -x "$deeparc" ] || { echo "deeparc demo: there is no program $deeparc: run make" >&2; exit 2; }
mkdir -p "$out"
rm -f "$out"/*.json "$out"/*.csv "$out"/*.safetensors "$out"/report.html

seed=${SEED:-1} model=${MODEL:-resnet20x0.5} epochs=${EPOCHS:-2} repair=${REPAIR_EPOCHS:-1}
threshold=${THRESHOLD:-0.9} linkage=${LINKAGE:-min} enough=${ENOUGH:-0.1}
max_drop=${MAX_DROP:-0.15} held=5000 batch='' # few images: more steps of fewer
if [ "${LIMIT:-0}" -gt 0 ] && [ "${LIMIT:-0}" -lt 25000 ]; then
    held=$((LIMIT / 5)) batch='--batch 32'
    enough_epochs=$((250 * 32 * 5 / (4 * LIMIT))) # 250 steps, after which a network has learned; repair: 100
    epochs=${EPOCHS:-$((enough_epochs > 2 ? enough_epochs : 2))}
    repair=${REPAIR_EPOCHS:-$((enough_epochs > 4 ? enough_epochs * 2 / 5 : 1))}
fi
validation=${VALIDATION:-$held} part='' test_part='' # options that make it short
if [ -n "${LIMIT:-}" ]; then part="--limit $LIMIT"; fi
if [ -n "${TEST_LIMIT:-}" ]; then test_part="--test-limit $TEST_LIMIT"; fi
begin=$(date +%s)

bold='' dim='' plain=''
if [ -t 1 ]; then bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m'); fi
step=0
title() { step=$((step + 1)); printf '\n%s%d. %s%s\n' "$bold" "$step" "$*" "$plain"; }
show() { # a command, broken into lines that a shell puts together again
    line='$'
    for word; do
        if [ $((${#line} + ${#word})) -gt 112 ]; then printf '%s%s \\%s\n' "$dim" "$line" "$plain"; line='   '; fi
        line="$line $word"
    done
    printf '%s%s%s\n' "$dim" "$line" "$plain"
}
run() { show "$@"; "$@"; }

# Does the program find this data set, and can it read it?
usable() {
    "$deeparc" train --model mlp-4 --data "$1" --limit 16 --test-limit 16 --max-steps 1 --quiet > /dev/null 2>&1
}

choose_data() {
    for name in mnist fashion-mnist digits; do
        if usable "$name"; then data=$name; return; fi
        [ "$name" = mnist ] || continue
        echo "MNIST is not on this machine: fetching it"
        if run datasets/fetch.sh mnist && usable mnist; then data=mnist; return; fi
        echo "MNIST cannot be fetched: looking for another set"
    done
    echo "$0: not even the drawn digits can be used" >&2
    exit 1
}

if [ $# -eq 2 ]; then data=$2; else choose_data; fi
echo "${bold}deeparc demo on '$data'${plain}: a network is trained, cut into semantic modules, made smaller and" \
    "repaired in one place."
# A guess from the speed of training here: the epochs, and eight times the test images, which cost a third.
rate=$("$deeparc" bench --model "$model" --mode train --batch 32 --seconds 0.5 --repetitions 2 --quiet --json \
    2> /dev/null | sed -n 's/^ *"samples_per_s": \([0-9.]*\),$/\1/p')
if [ -n "$rate" ]; then
    awk -v rate="$rate" -v n="${LIMIT:-60000}" -v t="${TEST_LIMIT:-10000}" -v e="$epochs" -v r="$repair" 'BEGIN {
        s = (n * (e + 2 * r) + t * 8 / 3) / rate
        if (s < 90) printf "It will take some %d seconds here.\n", s + 1
        else printf "It will take some %d minutes here.\n", s / 60 + 1 }'
fi

title "Train $model on the training images, $validation of them held out"
run "$deeparc" train --model "$model" --data "$data" --epochs "$epochs" --validation "$validation" $part $test_part \
    $batch --seed "$seed" --log "$out/train.csv" --out "$out/original.safetensors" --record "$out/train.json"

title "How similar are its blocks? Measured on training images: the test set stays out of every decision"
run "$deeparc" similarity "$out/original.safetensors" --data "$data" --split train --limit 2560 \
    --threshold "$threshold" --linkage "$linkage" --out "$out/similarity.csv" --record "$out/similarity.json"

title "In which order could blocks go? (Algorithm 2)"
run "$deeparc" order --similarity "$out/similarity.csv" --names "$out/similarity.json" --threshold "$threshold" \
    --linkage "$linkage"

title "Remove redundant blocks for real, and see what each costs on the held-out images"
cat << END
By default a block stays when accuracy on held-out images falls by more than 2 points without it, and a network as small
as this one has hardly a block to spare. Here it may fall by $(echo "$max_drop" | awk '{ print 100 * $1 }') points (--max-drop $max_drop), as the next step
repairs it, until $(echo "$enough" | awk '{ print 100 * $1 }') % of the multiply-adds are gone.
END
run "$deeparc" restructure "$out/original.safetensors" --similarity "$out/similarity.csv" \
    --names "$out/similarity.json" --threshold "$threshold" --linkage "$linkage" --enough "$enough" \
    --max-drop "$max_drop" --data "$data" --validation "$validation" $part $test_part --seed "$seed" \
    --out "$out/smaller.safetensors" --record "$out/restructure.json"

repair() { # UNITS
    run "$deeparc" retrain "$out/smaller.safetensors" --units "$1" --data "$data" --epochs "$repair" \
        --validation "$validation" $part $test_part $batch --seed "$seed" \
        --out "$out/$1.safetensors" --record "$out/retrain-$1.json"
}
title "Repair: retrain only the neighbours of the cuts; everything else must not move by a bit"
repair neighbours

title "For comparison: retrain the whole network, in as many steps"
repair all

title "Which images does the repaired network get wrong?"
run "$deeparc" eval "$out/neighbours.safetensors" --data "$data" ${TEST_LIMIT:+--limit "$TEST_LIMIT"} --confusion \
    --examples 12 --record "$out/eval.json"

title "The result"
run "$deeparc" report "$out" --out "$out/report.html" --quiet
printf '\n%d seconds on %s. The whole story with pictures: %s/report.html\n' "$(($(date +%s) - begin))" "$data" "$out"
