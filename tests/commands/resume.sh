#!/bin/sh
# The same bits: on any number of threads, with any kernels, and interrupted as often as one likes.
. "$(dirname "$0")/library.sh"

# ---- Threads and kernels. ----
lenet="$deeparc train --model lenet --data digits --limit 300 --test-limit 20 --epochs 1 --quiet"
resnet="$deeparc train --model resnet8 --data digits --limit 60 --test-limit 10 --batch 20 --epochs 1 --quiet"
for run in lenet resnet; do
    eval "line=\$$run"
    one=$($line --threads 1 | sha)
    for threads in 2 3; do
        try $line --threads $threads
        if [ $status -eq 2 ]; then skip "$run: $threads threads" "this build has no threads"
        else check_same "$run: 1 and $threads threads" "$one" "$(sha < "$work/out")"; fi
    done
    for kernels in reference portable avx2 avx512 neon; do
        try $line --kernels $kernels --threads 1
        if [ $status -eq 2 ]; then skip "$run: kernels $kernels" "this machine has none"
        else check_same "$run: kernels $kernels" "$one" "$(sha < "$work/out")"; fi
    done
done

# ---- Interrupted and resumed. ----
# Momentum, augmentation, validation and a schedule: all that a checkpoint has to bring back.
long="$deeparc train --model lenet --data digits --limit 3000 --test-limit 50 --epochs 2 --validation 200 --patience 9
      --augment crop2,cutout4 --batch 32 --quiet"
whole=$($long | sha)
check_same "uninterrupted" "${whole%%:*}" sha256

checkpoint=$work/run.safetensors

# Starts the run, waits until it trains (its log appears then), lets it go on for $1 seconds, and stops it.
interrupt() {
    seconds=$1; shift
    rm -f "$work/log.csv"
    "$@" --log "$work/log.csv" > "$work/out" 2> "$work/err" &
    pid=$!
    while [ ! -e "$work/log.csv" ] && kill -0 $pid 2> /dev/null; do :; done
    sleep "$seconds"
    kill -INT $pid 2> /dev/null
    wait $pid
    status=$?
}
interrupt 0 $long --checkpoint "$checkpoint"
check_same "Ctrl-C: exit status" $status 1
check_same "Ctrl-C: says how to go on" "$(grep -c -e 'to continue: .*--resume' "$work/err")" 1
if [ -s "$checkpoint" ]; then good "Ctrl-C: the checkpoint is there"; else bad "Ctrl-C" "no checkpoint"; fi
interrupt 1 $long --checkpoint "$checkpoint" --resume # it may come to its end
try $long --checkpoint "$checkpoint" --resume
check_same "interrupted twice and resumed: the same bits" "$whole" "$(sha < "$work/out")"
try $long --checkpoint "$checkpoint" --resume --threads 1
check_same "resumed at its end: the same bits" "$whole" "$(sha < "$work/out")"

# Stopped after a number of steps, in the middle of an epoch.
rm -f "$checkpoint"
check "stopped after 30 steps" $long --checkpoint "$checkpoint" --max-steps 30
try $long --checkpoint "$checkpoint" --resume
check_same "stopped at step 30 and resumed: the same bits" "$whole" "$(sha < "$work/out")"

interrupt 0 $long
check_same "Ctrl-C without a checkpoint: exit status" $status 1
check_same "Ctrl-C without a checkpoint: one sentence" "$(grep -c -e 'nothing was saved: --checkpoint' "$work/err")" 1
finish
