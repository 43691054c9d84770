#!/bin/sh
# A sweep from its plan to its table: each line by itself, skipped when it is done, resumed when it was killed.
. "$(dirname "$0")/library.sh"

tiny="--data digits --grid depth=8 --grid width=0.25 --grid limit=200 --grid test-limit=64 --grid batch=50 --speed 10"
plan="$deeparc sweep plan --quiet $tiny"
grid="--grid seed=1,2 --grid classes=3,10 --grid share=0.5,1 --grid epochs=1"
finished() { ls "$1/runs" | grep -c '\.json$'; }
hashes() { cat "$1"/runs/*.json | grep '"hash"' | sort; }
by_xargs() { tr '\n' '\0' < "$1/plan.txt" | xargs -0 -P 2 -n 1 sh -c; }

# ---- The plan. ----
a=$work/a
check_says "plan" "8 runs, 0 of them finished" $plan $grid --dir "$a"
check_same "a line a run" "$(wc -l < "$a/plan.txt" | tr -d ' ')" 8
check_same "no line twice" "$(sort -u "$a/plan.txt" | wc -l | tr -d ' ')" 8
check_says "what it costs" "core-hours" $plan $grid --dir "$a"
check_says "plan --json" '"core_hours"' $plan $grid --dir "$a" --json
check_fails "collecting before any run" 1 "not one of the 8 runs" "$deeparc" sweep collect --dir "$a"

# ---- Running it. ----
check "all lines, by xargs" by_xargs "$a"
check_same "... every run is finished" "$(finished "$a")" 8
check_same "... and nothing else is left" "$(ls "$a/runs" | grep -vc '\.json$\|\.csv$')" 0
: > "$(ls "$a"/runs/*.json | head -n 1 | sed 's/json$/partial/')" # killed between its record and its end
try by_xargs "$a"
check_same "what a killed process has left goes" "$(ls "$a/runs" | grep -vc '\.json$\|\.csv$')" 0
check_same "a second time, all are skipped" "$(grep -c 'was finished before' "$work/out")" 8
check_says "a plan knows what is finished" "8 runs, 8 of them finished" $plan $grid --dir "$a"
check_says "a matrix serves the other commands" "modularity" \
    "$deeparc" partition --similarity "$(ls "$a"/runs/*.csv | head -n 1)" --threshold 0.5

b="$work/it's b"
check "a directory with a blank and a quote" $plan $grid --dir "$b"
check "all lines, by sh" sh "$b/plan.txt"
check_same "... the same weights" "$(hashes "$a")" "$(hashes "$b")"
if parallel --version 2> /dev/null | grep GNU > /dev/null; then
    $plan $grid --dir "$work/c" > "$work/out"
    check "all lines, by GNU parallel" sh -c "parallel -j 2 < '$work/c/plan.txt'"
    check_same "... the same weights" "$(hashes "$a")" "$(hashes "$work/c")"
else
    skip "all lines, by GNU parallel" "it is not installed"
fi

# ---- Collecting. ----
check_says "collect" "8 of 8 planned runs finished, 0 missing" \
    "$deeparc" sweep collect --dir "$a" --csv "$work/all.csv" --html "$work/all.html"
check_same "a row a run and threshold" "$(wc -l < "$work/all.csv" | tr -d ' ')" 33
check_same "every row has the same number of fields" "$(sed 's/"[^"]*"//g' "$work/all.csv" | tr -cd ',\n' | sort -u |
    wc -l | tr -d ' ')" 1
check_says "the page" "</html>" cat "$work/all.html"
check_same "... needs nothing from outside" "$(grep -c 'http\|src=' "$work/all.html")" 0
check_says "another metric" "ratio (N-M)/N" "$deeparc" sweep collect --dir "$a" --metric ratio
check_says "collect --json" '"missing": 0' "$deeparc" sweep collect --dir "$a" --json
check_fails "a figure of one depth" 1 "one depth" "$deeparc" sweep collect --dir "$a" --svg "$work/x.svg" \
    --metric joined
lost=$(ls "$b"/runs/*.json | head -n 1)
rm "$lost"
check_says "a run that is missing is counted" "7 of 8 planned runs finished, 1 missing" \
    "$deeparc" sweep collect --dir "$b"
check "... the plan is run again" sh "$b/plan.txt"
check_same "... and only it was trained" "$(hashes "$a")" "$(hashes "$b")"
echo nonsense > "$lost"
check_fails "a result that is none of ours" 1 "$(basename "$lost")" "$deeparc" sweep collect --dir "$b"

# ---- Killed and resumed. ----
long="--grid seed=5 --grid epochs=40"
$plan $long --dir "$work/whole" > "$work/out"
check "a longer run" sh "$work/whole/plan.txt"
for signal in KILL TERM; do
    d=$work/$signal
    $plan $long --dir "$d" > "$work/out"
    sed 's/^/exec /' "$d/plan.txt" > "$work/line" # the shell becomes the program, and gets the signal
    sh "$work/line" > "$work/out" 2> "$work/err" &
    pid=$!
    while ! ls "$d/runs" 2> /dev/null | grep '\.partial$' > /dev/null && kill -0 $pid 2> /dev/null; do sleep 0.05; done
    kill -$signal $pid 2> /dev/null
    wait $pid 2> /dev/null
    status=$?
    if [ -z "$(ls "$d/runs" | grep '\.partial$')" ]; then
        skip "$signal: stopped on its way" "it came to its end before"
    else
        check_same "$signal: no result yet" "$(ls "$d/runs" | grep -c '\.json$')" 0
        [ $signal = KILL ] || check_same "TERM: says that the same command continues" \
            "$(grep -c 'the same command continues' "$work/err")" 1
    fi
    check "$signal: the same line again" sh "$d/plan.txt"
    check_same "$signal: the same weights as one that nobody stopped" "$(hashes "$work/whole")" "$(hashes "$d")"
    check_same "$signal: what was saved on the way is gone" "$(ls "$d/runs" | grep -c 'partial$')" 0
done

# ---- Settings. ----
d=$work/d
check "lists between semicolons" $plan --grid 'augment=none;crop2,flip' --dir "$d"
check_same "... are two runs" "$(grep -c 'augment crop2,flip' "$d/plan.txt") $(wc -l < "$d/plan.txt" | tr -d ' ')" "1 2"
check "a flag as an axis" $plan --grid nesterov=0,1 --dir "$d"
check_same "... is given or not" "$(grep -c -e '--nesterov' "$d/plan.txt")" 1
check "two spellings of a number" $plan --grid share=0.5 --dir "$d"
one=$(grep -o -e '--id [0-9a-f]*' "$d/plan.txt")
check "... are planned" $plan --grid share=.50 --dir "$d"
check_same "... and are one run" "$one" "$(grep -o -e '--id [0-9a-f]*' "$d/plan.txt")"
check_says "the preset smoke" "36 runs" "$deeparc" sweep plan --preset smoke --speed 10 --dir "$d" --quiet
check_says "a preset with other values" "12 runs" \
    "$deeparc" sweep plan --preset smoke --grid depth=8 --speed 10 --dir "$d" --quiet
check_says "a speed that is measured" "(measured)" "$deeparc" sweep plan --data digits --grid depth=8 \
    --grid width=0.25 --grid limit=200 --grid test-limit=10 --dir "$d" --quiet
check_fails "--data-dir without a set that is named" 2 "--data-dir has no effect on 'digits'" \
    "$deeparc" sweep plan --preset smoke --data-dir "$work" --speed 10 --dir "$d"
check_fails "an axis twice" 2 "--grid depth is given twice" \
    "$deeparc" sweep plan --preset smoke --grid depth=8 --grid depth=14 --dir "$d"
check_fails "data twice" 2 "contradict" "$deeparc" sweep plan --data digits --grid data=mnist --grid depth=8 --dir "$d"
check_fails "neither preset nor data" 2 "--data D is missing" "$deeparc" sweep plan --grid depth=8 --dir "$d"
check_fails "a setting there is none of" 2 "lists the settings" $plan --grid depht=8 --dir "$d"
check_fails "a setting without values" 2 "NAME=VALUE" $plan --grid seed --dir "$d"
check_fails "an empty value" 2 "empty" $plan --grid seed=1,,2 --dir "$d"
check_fails "a value twice" 2 "twice" $plan --grid seed=1,2,1 --dir "$d"
check_fails "a value out of range" 2 "--share" $plan --grid share=2 --dir "$d"
check_fails "a depth that cannot be" 1 "6n+2" "$deeparc" sweep plan --data digits --speed 10 --grid depth=9 --dir "$d"
check_fails "too few classes" 2 "classes=1" $plan --grid classes=1 --dir "$d"
check_fails "a threshold that is none" 2 "--threshold" $plan --grid threshold=0.9,2 --dir "$d"
check_fails "where it goes is no setting" 2 "lists the settings" $plan --grid dir=x --dir "$d"
check_fails "data that are not there" 1 "neither a data set" "$deeparc" sweep plan --data mnits --grid depth=8 --speed 10 --dir "$d"
check_fails "an edited line" 2 "edited" sh -c "$(head -n 1 "$a/plan.txt" | sed 's/--depth 8/--depth 14/')"
check_fails "no plan" 1 "plan.txt" "$deeparc" sweep collect --dir "$work/nowhere"
check_fails "a share of nothing" 1 "none at all" "$deeparc" sweep run --dir "$d" --data digits --depth 8 --limit 10 \
    --test-limit 10 --share 0.0001 --quiet
check_fails "sweep alone" 2 "plan, run, collect" "$deeparc" sweep
check_fails "sweep and a wrong word" 2 "plan, run, collect" "$deeparc" sweep colect
check_says "sweep --help" "deeparc sweep collect:" "$deeparc" sweep --help
finish
