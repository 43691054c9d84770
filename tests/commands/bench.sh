#!/bin/sh
# deeparc bench: what it prints, on tiny sizes. How fast the machine is has no say here.
. "$(dirname "$0")/library.sh"

quick="--seconds 0.05 --repetitions 3 --batch 4"
network="$deeparc bench $quick --model"

# A number of $work/out by its key.
number() { sed -n "s/^ *\"$1\": \(-\{0,1\}[0-9][0-9.e+-]*\),\{0,1\}\$/\1/p" "$work/out" | head -n 1; }
# Does awk's condition hold for numbers a and b?
holds() {
    if [ -n "$3" ] && awk -v a="$3" -v b="$4" "BEGIN { exit !($2) }"; then good "$1"; else bad "$1" "'$3' and '$4'"; fi
}

# ---- Networks. ----
for mode in train infer; do
    check "$mode" $network mlp-8 --mode $mode --threads 1 --json
    for member in '"model": "mlp-8"' "\"mode\": \"$mode\"" '"threads": 1' '"batch": 4' '"repetitions": 3' \
        '"kernels": "' '"threads_of": "' '"data": "'; do
        if grep -F -e "$member" "$work/out" > /dev/null; then good "$mode has $member"
        else bad "$mode has $member" "$(cat "$work/out")"; fi
    done
    for key in samples_per_s gflops peak_gflops share_of_peak peak_mib ms_per_step steps ms_per_batch \
        ms_per_augmented_batch; do
        holds "$mode: $key is above 0" "a > 0" "$(number $key)"
    done
    holds "$mode: the median lies above the least" "a >= b" "$(number samples_per_s)" "$(number samples_per_s_min)"
    holds "$mode: the median lies below the most" "a <= b" "$(number samples_per_s)" "$(number samples_per_s_max)"
    check_same "$mode: no heap call in a step" "$(number heap_calls_per_step)" 0
done
check_says "bench in words: speed" "samples/s" $network lenet
check_says "bench in words: memory" "peak memory" $network lenet --mode infer
check_says "bench of a ResNet" '"heap_calls_per_step": 0' $network resnet8x0.5 --json
check_same "bench: one banner" "$(grep -c '^deeparc .* kernels .* thread' "$work/err")" 1
check "a model to measure" "$deeparc" train --model mlp-4 --data digits --limit 64 --test-limit 10 --epochs 1 --quiet \
    --out "$work/mlp.safetensors"
check_says "bench of a checkpoint" '"model": "mlp-4"' $network "$work/mlp.safetensors" --json --quiet
check_same "bench --quiet" "$(wc -c < "$work/err" | tr -d ' ')" 0
if [ -n "$DEEPARC_DATA" ] && [ -d "$DEEPARC_DATA/mnist" ]; then
    check_says "bench takes real data" '"data": "mnist"' $network mlp-8 --json
else
    skip "bench takes real data" "DEEPARC_DATA is not set"
fi
try env DEEPARC_DATA="$work" $network mlp-8 --json
if grep '"data": "digits"' "$work/out" > /dev/null; then
    check_same "a note says that digits are drawn" "$(grep -c 'mnist was not found: .* drawn digits' "$work/err")" 1
else skip "a note says that digits are drawn" "this machine has MNIST where it is always looked for"; fi

# ---- Kernels. ----
check "bench of kernels" "$deeparc" bench --seconds 0.05 --repetitions 1 --batch 1 --json
for row in "conv 3x3 32x32x16 -> 16" "conv 3x3 16x16x32 -> 64 /2" "conv 1x1" "linear 1024x1024 -> 1024" \
    "backward weights"; do
    if grep -F -e "$row" "$work/out" > /dev/null; then good "the kernels have $row"
    else bad "the kernels have $row" "they have not"; fi
done
check_says "bench of kernels in words" "GFLOP/s" "$deeparc" bench --seconds 0.05 --repetitions 1 --batch 1

# ---- Which kernels run: the option, else the environment. ----
check_says "DEEPARC_KERNELS" '"kernels": "reference"' env DEEPARC_KERNELS=reference $network mlp-4 --json
check_says "--kernels wins over DEEPARC_KERNELS" '"kernels": "portable"' \
    env DEEPARC_KERNELS=reference $network mlp-4 --json --kernels portable
check_says "an empty DEEPARC_KERNELS" '"mode": "train"' env DEEPARC_KERNELS= $network mlp-4 --json
check_fails "DEEPARC_KERNELS that there are not" 2 "DEEPARC_KERNELS in the environment: kernels 'mmx'" \
    env DEEPARC_KERNELS=mmx $network mlp-4
check_says "the banner" "kernels portable, 1 thread" \
    sh -c "'$deeparc' train --model mlp-4 --data digits --limit 32 --test-limit 10 --epochs 1 --threads 1 \
        --kernels portable 2>&1"

# ---- Errors. ----
check_fails "unknown model" 1 "lenet" $network lenett --quiet
check_fails "no such file" 1 "nothing.safetensors" $network "$work/nothing.safetensors" --quiet
check_fails "unknown mode" 2 "train|infer" $network mlp-4 --mode test
check_fails "mode without a model" 2 "add --model" "$deeparc" bench --mode train
check_fails "data without a model" 2 "add --model" "$deeparc" bench --data-dir "$work"
check_fails "no repetition" 2 "--repetitions" $network mlp-4 --repetitions 0
check_fails "no time" 2 "--seconds" $network mlp-4 --seconds 0
check_fails "batch 0" 2 "--batch" "$deeparc" bench --model mlp-4 --batch 0
finish
