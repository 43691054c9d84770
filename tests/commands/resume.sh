#!/bin/sh
# The same bits: on any number of threads, with any kernels, and interrupted as often as one likes.
. "$(dirname "$0")/library.sh"

# ---- Threads and kernels. ----
lenet="$deeparc train --model lenet --data digits --limit 96 --test-limit 20 --epochs 1 --quiet"
resnet="$deeparc train --model resnet8 --data digits --limit 20 --test-limit 4 --batch 10 --epochs 1 --quiet"
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
long="$deeparc train --model lenet --data digits --limit 600 --test-limit 50 --epochs 5 --validation 100 --patience 9
      --augment crop2,cutout4 --batch 32 --quiet"
whole=$($long | sha)
check_same "uninterrupted" "${whole%%:*}" sha256

checkpoint=$work/run.safetensors log=$work/log

# The log is a pipe: the run waits there, before its first step and after every epoch, until somebody reads. So it
# cannot come to its end before it is stopped, however slow or fast the machine is: the signal may come as late as at the
# end of the epoch it is meant for, so the last one is never meant.
mkfifo "$log"
read_log() { # until it is written once more, or the run is gone
    cat "$log" > /dev/null &
    reader=$!
    while kill -0 $reader 2> /dev/null && kill -0 $pid 2> /dev/null; do sleep 0.1; done
    kill $reader 2> /dev/null
}
interrupt() { # interrupt N COMMAND...: Ctrl-C in epoch N of those that the command trains
    epochs=$1; shift
    "$@" --log "$log" > "$work/out" 2> "$work/err" &
    pid=$!
    while [ "$epochs" -gt 0 ]; do read_log; epochs=$((epochs - 1)); done
    kill -"${signal:-INT}" $pid 2> /dev/null
    cat "$log" > /dev/null & # it may have finished the epoch meanwhile
    reader=$!
    wait $pid
    status=$?
    kill $reader 2> /dev/null
}
interrupt 1 $long --checkpoint "$checkpoint"
check_same "Ctrl-C: exit status" $status 1
check_same "Ctrl-C: says how to go on" "$(grep -c -e 'to continue: .*--resume' "$work/err")" 1
if [ -s "$checkpoint" ]; then good "Ctrl-C: the checkpoint is there"; else bad "Ctrl-C" "no checkpoint"; fi
interrupt 2 $long --checkpoint "$checkpoint" --resume
check_same "Ctrl-C again: exit status" $status 1
try $long --checkpoint "$checkpoint" --resume
check_same "interrupted twice and resumed: the same bits" "$whole" "$(sha < "$work/out")"
try $long --checkpoint "$checkpoint" --resume --threads 1
check_same "resumed at its end: the same bits" "$whole" "$(sha < "$work/out")"

# Stopped after a number of steps, in the middle of an epoch.
rm -f "$checkpoint"
check "stopped after 30 steps" $long --checkpoint "$checkpoint" --max-steps 30
try $long --checkpoint "$checkpoint" --resume
check_same "stopped at step 30 and resumed: the same bits" "$whole" "$(sha < "$work/out")"

# Without --checkpoint, --out is enough to be saved.
out=$work/model.safetensors
interrupt 1 $long --out "$out"
check_same "Ctrl-C with --out: exit status" $status 1
check_same "Ctrl-C with --out: names the file" "$(grep -c -e "model.safetensors.partial'; to continue" "$work/err")" 1
if [ -s "$out.partial" ] && [ ! -e "$out" ]; then good "Ctrl-C with --out: the run is saved, no result is"
else bad "Ctrl-C with --out" "$(ls "$work")"; fi
line=$(sed -n 's/.*to continue: //p' "$work/err")
rm "$log" # the line names it
try sh -c "$line"
check_same "Ctrl-C with --out and continued by that line: the same bits" "$whole" "$(sha < "$work/out")"
if [ -s "$out" ] && [ ! -e "$out.partial" ]; then good "then the saved run is gone, the result is there"
else bad "after the end" "$(ls "$work")"; fi
check_fails "nothing to resume" 1 "model.safetensors.partial" $long --out "$out" --resume
check "a run that nobody stops" $long --out "$out"
check_same "... saves its result alone" "$(ls "$work" | grep -c 'partial')" 0

# Other ways to end: the terminal goes, or who reads the notes. Started over, both are stopped where the log waits.
# Where the signal is ignored, as under nohup, the run rightly goes on, and would wait for a reader of its log for ever.
sh -c 'kill -HUP $$; exit 7' 2> /dev/null
if [ $? -eq 7 ]; then
    skip "SIGHUP" "it is ignored here (nohup)"
else
    rm -f "$log" "$out"
    mkfifo "$log"
    signal=HUP
    interrupt 1 $long --out "$out"
    signal=INT
    check_same "SIGHUP: exit status" $status 1
    try sh -c "$(sed -n 's/.*to continue: //p' "$work/err" | sed 's/--log [^ ]*//')"
    check_same "SIGHUP: continued to the same bits" "$whole" "$(sha < "$work/out")"
fi
rm -f "$log" "$out"
loud=$(echo "$long" | sed 's/--quiet//')
mkfifo "$log" "$work/notes"
$loud --out "$out" --log "$log" > "$work/out" 2> "$work/notes" &
pid=$!
cat "$work/notes" > "$work/err" &
notes=$!
read_log # the first, before the first step
kill $notes 2> /dev/null
wait $notes 2> /dev/null
while kill -0 $pid 2> /dev/null; do read_log; done
wait $pid
check_same "nobody reads stderr: exit status" $? 1
rm -f "$log"
if [ -s "$out.partial" ]; then good "nobody reads stderr: the run is saved"
else bad "nobody reads stderr" "$(ls "$work")"; fi
try $long --out "$out" --resume
check_same "nobody reads stderr: continued to the same bits" "$whole" "$(sha < "$work/out")"

# A disk that fills: the log is longer than a page, which then has no room beside the old one.
disk=$work/disk
mkdir "$disk"
if mount -t tmpfs -o size=8k none "$disk" 2> /dev/null; then
    trap 'umount "$disk" 2> /dev/null; rm -rf "$work"' EXIT
    tiny="$deeparc train --model mlp-8 --data digits --limit 32 --test-limit 10 --epochs 200 --batch 32 --quiet"
    expected=$($tiny | sha)
    check_fails "a log on a disk that fills" 1 "No space left on device" $tiny --out "$out" --log "$disk/log"
    check_same "... the model is saved" "$("$deeparc" hash "$out" | sha)" "$expected"
    check_fails "a record on a disk that fills" 1 "No space left on device" $tiny --out "$out" --record "$disk/record"
    check_same "... the model is saved" "$("$deeparc" hash "$out" | sha)" "$expected"
    umount "$disk"
else
    skip "a disk that fills" "nothing can be mounted here"
fi

rm -f "$log"
mkfifo "$log"
interrupt 1 $long
check_same "Ctrl-C without a file: exit status" $status 1
check_same "Ctrl-C without a file: one sentence" "$(grep -c -e 'nothing was saved: with --out FILE' "$work/err")" 1
finish
