#!/bin/sh
# Two processes at once: on one line of a sweep, one checkpoint, one state of a similarity. Whatever they do to each
# other, and wherever one of them is killed, no result is another one than that of a process alone. PAIRS=500 is the
# long form.
. "$(dirname "$0")/library.sh"
pairs=${PAIRS:-6}
unset MAKEFLAGS

count() { ls "$1" | grep -c -e "$2"; }
pause() { sleep "0.$((($1 * 7919 + 13) % 4))$((($1 * 104729) % 10))"; } # 0 to 0.4 seconds, another in each round

# both COMMAND...: two processes of one line, a moment apart; statuses in $first, $second
both() {
    "$@" > "$work/out1" 2> "$work/err1" &
    pid=$!
    "$@" > "$work/out2" 2> "$work/err2"
    second=$?
    wait $pid
    first=$?
}

# ---- A line of a sweep. ----
one="--data digits --depth 8 --width 0.25 --limit 200 --test-limit 64 --batch 50 --epochs 3 --threads 1 --quiet"
# shellcheck disable=SC2086
line() { "$deeparc" sweep run --dir "$1" $one; }
line "$work/alone" > "$work/out"
expected=$(grep '"hash"' "$work"/alone/runs/*.json)
check_same "sweep: a process alone" "$(count "$work/alone/runs" .)" 2
round=0
while [ $round -lt "$pairs" ]; do
    round=$((round + 1)) d=$work/sweep
    rm -rf "$d"
    if [ $((round % 3)) -eq 0 ]; then # after one that was killed on its way
        "$deeparc" sweep run --dir "$d" $one > "$work/out" 2>&1 &
        pid=$!
        pause $round
        kill -KILL $pid 2> /dev/null
        wait $pid 2> /dev/null
    fi
    both line "$d"
    seen=$(grep '"hash"' "$d"/runs/*.json)
    [ "$first $second" = "0 0" ] && [ "$seen" = "$expected" ] && [ "$(count "$d/runs" .)" -eq 2 ] ||
        echo "round $round: $first $second $(cat "$work/err1" "$work/err2") $seen" "$d"/runs/*
done > "$work/wrong"
cat "$work/wrong" # what was wrong, if anything was
check_same "sweep: wrong among $pairs pairs" "$(wc -l < "$work/wrong" | tr -d ' ')" 0

# ---- A checkpoint. ----
training="--model mlp-32 --data digits --limit 2000 --test-limit 20 --epochs 12 --batch 20 --threads 1 --quiet"
run=$work/run
# shellcheck disable=SC2086
train() { "$deeparc" train $training "$@"; }
expected=$(train | sha)
resume() { train --checkpoint "$run" --resume; }
round=0
while [ $round -lt "$pairs" ]; do
    round=$((round + 1))
    rm -f "$run" "$run.lock"
    train --checkpoint "$run" --max-steps $((round * 37 % 1000 + 1)) > "$work/out" 2>&1
    if [ $((round % 3)) -eq 0 ]; then
        "$deeparc" train $training --checkpoint "$run" --resume > "$work/out" 2>&1 &
        pid=$!
        pause $round
        kill -KILL $pid 2> /dev/null
        wait $pid 2> /dev/null
    fi
    both resume
    for one in 1 2; do
        [ $one = 1 ] && status=$first || status=$second
        case $status in
        0) [ "$(sha < "$work/out$one")" = "$expected" ] || echo "round $round: $(cat "$work/out$one")" ;;
        1) grep -q 'in use by another process' "$work/err$one" || echo "round $round: $(cat "$work/err$one")" ;;
        *) echo "round $round: status $status" ;;
        esac
    done
    [ "$first" -eq 0 ] || [ "$second" -eq 0 ] || echo "round $round: neither came to its end"
    [ "$(resume 2>&1 | sha)" = "$expected" ] || echo "round $round: the checkpoint is another"
    [ "$(count "$work" '^run\.')" -eq 0 ] || echo "round $round: $(ls "$work")"
done > "$work/wrong"
cat "$work/wrong"
check_same "checkpoint: wrong among $pairs pairs" "$(wc -l < "$work/wrong" | tr -d ' ')" 0

# ---- Surely at the same time: the first waits for somebody to read its log. ----
mkfifo "$work/log"
rm -f "$run"
# shellcheck disable=SC2086
"$deeparc" train $training --checkpoint "$run" --log "$work/log" > "$work/out1" 2> "$work/err1" &
pid=$!
while [ ! -e "$run.lock" ] && kill -0 $pid 2> /dev/null; do sleep 0.05; done
check_fails "a checkpoint that another process has" 1 "in use by another process" \
    "$deeparc" train $training --checkpoint "$run"
check_fails "... under another name" 1 "in use by another process" \
    "$deeparc" train $training --checkpoint "$work/./run"
kill -KILL $pid
wait $pid 2> /dev/null
check "a lock that was left by a killed process" train --checkpoint "$run"
check_same "... goes" "$(count "$work" '\.lock$')" 0

# ---- The state of a similarity: the first is stopped where it has the lock. ----
"$deeparc" train --model mlp-32 --data digits --limit 100 --test-limit 20 --epochs 1 --quiet --out "$work/m.st" > "$work/out"
measure="$deeparc similarity $work/m.st --data digits --limit 8000 --batch 200 --measure procrustes --threads 1 --quiet"
measure="$measure --state $work/state.json --out $work"
$measure/alone.csv > "$work/out"
rm "$work/state.json"
$measure/first.csv > "$work/out1" 2> "$work/err1" &
pid=$!
while [ ! -e "$work/state.json.lock" ] && kill -0 $pid 2> /dev/null; do sleep 0.02; done
kill -STOP $pid
check_fails "a state that another process has" 1 "in use by another process" $measure/second.csv
check_same "... makes no matrix" "$(ls "$work" | grep -c second.csv)" 0
kill -CONT $pid
wait $pid
check_same "the first: its matrix is that of a process alone" "$(cat "$work/first.csv")" "$(cat "$work/alone.csv")"
check_same "the lock of a state goes" "$(count "$work" '\.lock$')" 0
finish
