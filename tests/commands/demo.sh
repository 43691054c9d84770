#!/bin/sh
# The demo from end to end, on few drawn digits.
. "$(dirname "$0")/library.sh"

mkdir "$work/build"
ln -s "$deeparc" "$work/build/deeparc"
export LIMIT=400 TEST_LIMIT=100 VALIDATION=100 MODEL=resnet20x0.25 EPOCHS=1 THRESHOLD=0
check_says "demo" "report.html" "$root/deeparc/experiments/mnist-demo.sh" "$work/build" digits
cp "$work/out" "$work/demo"
for part in "verified on 100 held-out" "bit for bit" "retrained: neighbours" "retrained: all" "hardly a block to spare" "answer" "layers removed" "It will take some"; do
    check_says "demo shows '$part'" "$part" cat "$work/demo"
done
check_same "demo leaves every record" "$(cd "$work/build/mnist-demo" && ls -d ./*.json | wc -l | tr -d ' ')" 6
check_same "demo: both repairs take as many steps" \
    "$(sed -n 's/^trained .* \([0-9]*\) steps.*/\1/p' "$work/demo" | sort -u | wc -l | tr -d ' ')" 1
short() { (unset TEST_LIMIT VALIDATION THRESHOLD MODEL EPOCHS; LIMIT=1000 "$root/deeparc/experiments/mnist-demo.sh" "$@"); }
check_says "demo with LIMIT=1000 alone" "report.html" short "$work/build" digits
check_same "... has learned before it is cut" \
    "$(sed -n 's/^original *\([0-9]*\)[.].*/\1/p' "$work/out" | awk '{ print ($1 >= 90) }')" 1
share=$(sed -n 's/^trained .* values (\([0-9.]*\) %).*/\1/p' "$work/out" | head -n 1)
check_same "demo: local is local, under 40 % of the values" "$(echo "$share" | awk '{ print ($1 > 0 && $1 < 40) }')" 1
check_fails "demo without a program" 2 "run make" "$root/deeparc/experiments/mnist-demo.sh" "$work"

# ---- RQ2, from a model that is there. ----
export CONTROLS=1 MOST=1 MODEL="$work/build/mnist-demo/original.safetensors"
check_says "rq2" "repeat.csv" "$root/deeparc/experiments/rq2.sh" "$work/build" smoke
check_same "rq2 leaves two curves" "$(cd "$work/build/rq2-smoke/seed-1" && ls -d remove.* repeat.* | wc -l | tr -d ' ')" 8
try "$root/deeparc/experiments/rq2.sh" "$work/build" smoke
check_same "rq2 again: every step was done before" "$(grep -c 'was done before' "$work/out")" 3
rm "$work/build/rq2-smoke/seed-1/remove.json"
try "$root/deeparc/experiments/rq2.sh" "$work/build" smoke
check_same "rq2 after a step was lost: it, and what comes behind it" "$(grep -c 'was done before' "$work/out")" 1
check_fails "rq2 of an unknown scale" 2 "smoke, laptop or paper" "$root/deeparc/experiments/rq2.sh" "$work/build" huge
finish
