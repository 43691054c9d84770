#!/bin/sh
# The commands do what they say, on few samples.
. "$(dirname "$0")/library.sh"

# ---- The frame. ----
check_says "version" "deeparc " "$deeparc" --version
check_says "help lists the commands" "train a network" "$deeparc" --help
check_fails "no command" 2 "a command is missing" "$deeparc"
"$deeparc" --help | sed '1,/^Commands:/d' | cut -c 3-16 | sed 's/ *$//' > "$work/commands"
while IFS= read -r command; do # one word, or two: "sweep plan"
    # shellcheck disable=SC2086
    check_says "$command --help" "Example: deeparc $command" "$deeparc" $command --help
    # shellcheck disable=SC2086
    check_same "help $command is $command --help" "$("$deeparc" help $command)" "$("$deeparc" $command --help)"
    # shellcheck disable=SC2086
    check_fails "$command: unknown option" 2 "did you mean --threads?" "$deeparc" $command --treads 1
done < "$work/commands"

check_same "help sweep is sweep --help" "$("$deeparc" help sweep)" "$("$deeparc" sweep --help)"
check_says "help alone" "Commands:" "$deeparc" help
check_fails "help for nothing" 2 "did you mean 'eval'?" "$deeparc" help evil

# ---- One model through all of them. ----
model=$work/mlp.safetensors
check_says "train" "sha256:" "$deeparc" train --model mlp-16 --data digits --limit 400 --test-limit 100 --epochs 2 \
    --out "$model" --log "$work/log.csv" --validation 50
trained=$(sha < "$work/out")
check_same "train: progress is on stderr" "$(grep -c '^epoch' "$work/err")" 2
check_same "train: the log has a line an epoch and a heading" "$(wc -l < "$work/log.csv" | tr -d ' ')" 3
check_says "hash" "$trained" "$deeparc" hash "$model"
check_says "hash of the network" "  network: " "$deeparc" hash "$model"
network=$(sed -n 's/  network: .*//p' "$work/out")
for key in values model; do # what `hash` prints is what the file says
    expected=$trained
    [ $key = values ] || expected=$network
    check_same "the file records its $key" "$(tr ',' '\n' < "$model" | grep -a -o "$key.\{1,5\}$expected" | wc -l | tr -d ' ')" 1
done
check_says "hash --units" "  fc1" "$deeparc" hash "$model" --units
check_says "hash --json" "\"hash\": \"$trained\"" "$deeparc" hash "$model" --json
check_says "eval" "of 100)" "$deeparc" eval "$model" --data digits --limit 100
for key in '"accuracy": 0.' '"loss": ' '"samples": 100'; do
    check_says "eval --json has $key" "$key" "$deeparc" eval "$model" --data digits --limit 100 --json --quiet
done
check_says "eval --split train" '"split": "train"' \
    "$deeparc" eval "$model" --data digits --limit 50 --json --split=train
check "quiet is quiet" "$deeparc" eval "$model" --data digits --limit 10 --quiet
check_same "quiet: nothing on stderr" "$(wc -c < "$work/err" | tr -d ' ')" 0
check "predict" "$deeparc" predict "$model" --data digits --limit 30 --out "$work/logits.npy"
check_same "predict: 128 bytes of heading, 30 x 10 floats" "$(wc -c < "$work/logits.npy" | tr -d ' ')" 1328
check_says "predict: shape" "(30, 10)" head -c 128 "$work/logits.npy"
"$deeparc" predict "$model" --data digits --limit 12 --quiet > "$work/answers"
check_same "predict without --out: a line an image" \
    "$(grep -c -E '^image [0-9]+: [0-9] \([0-9]+\.[0-9] %\), label [0-9]$' "$work/answers")" 12
hits() { sed 's/image [0-9]*: \(.*\) (.* %), label \(.*\)/\1 \2/' "$work/answers" | awk '$1 == $2 { n++ } END { print n + 0 }'; }
check_says "predict's answers are those that eval counts" "($(hits) of 12)" \
    "$deeparc" eval "$model" --data digits --limit 12
check "predict --json" "$deeparc" predict "$model" --data digits --limit 12 --json
check_same "... has an answer, its share and the label of every image" \
    "$(grep -c -e '"answer": "[0-9]"' -e '"share": 0' -e '"label": "[0-9]"' "$work/out")" 36

# ---- Confusion: rows labels, columns answers. ----
"$deeparc" predict "$model" --data digits --limit 100 --quiet > "$work/answers"
check_says "eval --confusion" "label" "$deeparc" eval "$model" --data digits --limit 100 --confusion \
    --record "$work/confusion.json" --examples 3
check_same "a row a label" "$(grep -c ' %$' "$work/out")" 10
check_same "its diagonal are the right answers" \
    "$(awk '/ %$/ { n += $(2 + row++) } END { print n }' "$work/out")" "$(hits)"
check_same "its sum are all images" \
    "$(awk '/ %$/ { for (i = 2; i <= 11; i++) n += $i } END { print n }' "$work/out")" 100
share() { grep -c ": 5 (.*), label 3" "$work/answers"; } # threes that were taken for fives
check_same "one cell of it" "x$(awk '/ %$/ && $1 == 3 { print $7 }' "$work/out")" "x$(share)"
check_same "a class's accuracy" "$(awk '/ %$/ && $1 == 7 { for (i = 2; i <= 11; i++) n += $i
    printf "%.2f %.2f", 100 * $9 / n, $12 }' "$work/out" | awk '{ print ($1 == $2 ? "equal" : $0) }')" equal
check_same "the record has the table" "$(grep -c '"answers"' "$work/confusion.json")" 10
check_same "the record has wrong and right examples" "$(grep -c '"right": false' "$work/confusion.json") \
$(grep -c '"right": true' "$work/confusion.json") $(grep -c '"png": "iVBORw0KGgo' "$work/confusion.json")" "3 \
3 6"
check_fails "examples for nobody" 2 "--examples go into the record" \
    "$deeparc" eval "$model" --data digits --limit 9 --examples 3
small=$work/winograd.safetensors
check_says "train --conv winograd" "sha256:" "$deeparc" train --model resnet8x0.5 --conv winograd --data digits \
    --limit 64 --test-limit 32 --epochs 1 --out "$small"
wino=$(sha < "$work/out")
check_says "the model records how it convolves" "by Winograd's algorithm" "$deeparc" summary "$small"
check_says "and says so in JSON" '"conv": "winograd"' "$deeparc" summary "$small" --json
check_says "and is evaluated" "of 32)" "$deeparc" eval "$small" --data digits --limit 32
check_says "train --from a file keeps it" "sha256:" "$deeparc" train --from "$small" --data digits --limit 64 \
    --test-limit 32 --epochs 1 --out "$work/again.safetensors"
check_says "as it was" '"conv": "winograd"' "$deeparc" summary "$work/again.safetensors" --json
check_says "train without --conv" "sha256:" "$deeparc" train --model resnet8x0.5 --data digits --limit 64 \
    --test-limit 32 --epochs 1
[ "$(sha < "$work/out")" != "$wino" ] && good "the two ways have bits of their own" || bad "two ways, one hash"
check_fails "--conv of another kind" 2 "direct|winograd|auto" "$deeparc" train --model mlp --conv fft --data digits
check_says "summary of a file" "fc1" "$deeparc" summary "$model"
check_says "summary of the zoo" "layer3.2" "$deeparc" summary resnet20 --input 32x32x3 --classes 100
check_says "summary --json" '"parameters": 61706' "$deeparc" summary lenet --json
check "import of a file that describes itself" \
    "$deeparc" import "$model" --out "$work/again.safetensors" --normalize 0.5/0.25
check_says "import keeps the weights" "$trained" "$deeparc" hash "$work/again.safetensors"
check_says "train --from" "sha256:" \
    "$deeparc" train --from "$model" --data digits --limit 64 --test-limit 10 --epochs 1 --quiet
check_says "gradcheck" "ok" "$deeparc" gradcheck relu

check "one of everything" "$deeparc" train --model mlp-4 --data digits --limit 1 --test-limit 1 --epochs 1 --threads 1
check_same "one test image" "$(grep -c 'of 1 test image)' "$work/out")" 1
# What is one is counted as one, in text, in sentences and on pages.
nouns='images|layers|modules|units|steps|batches|epochs|blocks|samples|pairs|cases|tables|misuses|threads|records|faults'
nouns="$nouns|comparisons|runs|values|rows|columns|fields|orders|probes|points|classes|matrices|controls|networks|openers"
nouns="$nouns|repetitions|processors|files|names|dimensions|channels|logits"
one() { # one COMMAND...: whatever comes of it
    "$@" > "$work/said" 2>&1
    cat "$work/said" >> "$work/counts"
}
mkdir "$work/one"
train="$deeparc train --data digits --limit 1 --test-limit 1 --epochs 1"
one $train --model mlp-4 --threads 1 --out "$work/one/m.st" --record "$work/one/train.json"
one "$deeparc" train --data digits --limit 16 --test-limit 1 --epochs 1 --model resnet14x0.0625 --out "$work/one/r.st"
m=$work/one/m.st r=$work/one/r.st one="--data digits --limit 1"
one $train --model mlp-4 --validation 1
one "$deeparc" eval "$m" $one --confusion --record "$work/one/eval.json" --examples 1
one "$deeparc" predict "$m" $one
one "$deeparc" retrain "$m" --units fc1 $one --test-limit 1 --out "$work/one/n.st" --record "$work/one/retrain-fc1.json"
one "$deeparc" similarity "$m" $one
one "$deeparc" similarity "$m" --data digits --limit 4 --layers fc1 --out "$work/one/c.csv" --record "$work/one/similarity.json"
one "$deeparc" partition --similarity "$work/one/c.csv" --method both
one "$deeparc" order --similarity "$work/one/c.csv"
one "$deeparc" stability "$work/one/c.csv" "$work/one/c.csv"
one "$deeparc" properties "$r" --data digits --limit 16 --test-limit 1 --most 1 --controls 1 --among anywhere --threshold 0 \
    --attack-limit 1 --steps 1 --record "$work/properties.json" --html "$work/one/properties.html"
one "$deeparc" restructure "$r" --remove layer1.1 --data digits --test-limit 1 --out "$work/one/small.st"
one "$deeparc" report "$work/one" --out "$work/one/report.html"
one "$deeparc" verify "$work/one"
one "$deeparc" summary "$m"
one "$deeparc" gradcheck relu
one "$deeparc" sweep run --dir "$work/one/sweep" --data digits --depth 8 --width 0.25 --limit 16 --test-limit 4 --epochs 1
one "$deeparc" bench --model mlp --seconds 0.01 --repetitions 1 --batch 1
printf '1\n1,2\n' > "$work/one/bad.csv"
one "$deeparc" partition --similarity "$work/one/bad.csv"
check_same "all of it was said" "$(grep -c . "$work/counts" | awk '{ print ($1 > 80) }')$(ls "$work/one" | grep -c html)" 12
check_same "one is counted as one" "$(cat "$work/counts" "$work/one"/*.html | grep -n -o -E "(^|[^0-9.,/])1 ([a-z]+ )?($nouns)\\b" | head -n 3)none" none

# ---- Options of training. ----
small="--model mlp-4 --data digits --limit 96 --test-limit 10 --epochs 3 --quiet"
for options in "--optimizer adam" "--optimizer adamw --weight-decay 0.01" "--momentum 0 --schedule constant --clip 1" \
    "--nesterov" "--schedule step --step-every 1 --factor 0.5" "--schedule multi-step --milestones 1,2" \
    "--schedule cosine --warmup 2 --final-rate 1e-3" \
    "--augment crop2,flip,cutout4" "--augment crop2-reflect" "--augment none" "--label-smoothing 0.1" "--init xavier" \
    "--validation 20 --patience 1" "--max-steps 1" "--normalize none" \
    "--normalize 0.1/0.3" "--batch 1" "--batch 4096"; do
    # shellcheck disable=SC2086
    check_says "train $options" "sha256:" "$deeparc" train $small $options
done

# ---- The same result whatever the batch of evaluation; another for another seed. ----
for batch in 1 7 5000; do
    "$deeparc" predict "$model" --data digits --limit 50 --batch $batch --out "$work/$batch.npy" --quiet > /dev/null
    check "predict: batch $batch" cmp "$work/1.npy" "$work/$batch.npy"
    check_says "eval: batch $batch" "of 50)" "$deeparc" eval "$model" --data digits --limit 50 --batch $batch
done
# ---- One step, plain SGD, parts of the decay, a cycle with its momentum: each trains, and each otherwise. ----
train() { "$deeparc" train --model lenet --data digits --limit 100 --epochs 1 --test-limit 10 --quiet "$@" | sha; }
retrain() {
    "$deeparc" retrain "$model" --units all --data digits --limit 64 --batch 16 --test-limit 10 --quiet \
        --out "$work/again.safetensors" "$@" | sha
}
differ() { # differ NAME HASH HASH
    if [ -n "$2" ] && [ -n "$3" ] && [ "$2" != "$3" ]; then good "$1"; else bad "$1" "'$2' and '$3'"; fi
}
check_same "one step of one-cycle is at the peak rate" "$(train --batch 128)" "$(train --batch 128 --schedule constant)"
differ "retrain --momentum 0" "$(retrain)" "$(retrain --momentum 0)"
usual=$(train --batch 16)
check_same "--decay all" "$usual" "$(train --batch 16 --decay all)"
differ "--decay weights" "$usual" "$(train --batch 16 --decay weights)"
differ "--rise" "$usual" "$(train --batch 16 --rise 0.6)"
cycled=$(train --batch 16 --low-momentum 0.6)
differ "--low-momentum" "$usual" "$cycled"
train --batch 16 --low-momentum 0.6 --checkpoint "$work/cycle" --max-steps 3 > "$work/out"
check_same "... is resumed in its middle" "$cycled" \
    "$(train --batch 16 --low-momentum 0.6 --checkpoint "$work/cycle" --resume)"
check_fails "... and not with another" 1 "momentum at the peak was" "$deeparc" train --model lenet --data digits \
    --limit 100 --epochs 1 --test-limit 10 --quiet --batch 16 --checkpoint "$work/cycle" --resume

# shellcheck disable=SC2086
seeded() { "$deeparc" train $small --seed "$1" | sha; }
first=$(seeded 1) second=$(seeded 2) third=$(seeded 1)
check_same "train: one seed, one result" "$first" "$third"
if [ "$first" != "$second" ]; then good "train: two seeds, two results"; else bad "train: two seeds" "$first"; fi

# ---- Real data. ----
if [ -n "$DEEPARC_DATA" ] && [ -d "$DEEPARC_DATA/mnist" ]; then
    check_says "mnist" "sha256:" \
        "$deeparc" train --model mlp --data mnist --limit 3000 --epochs 1 --test-limit 500 --out "$work/m.st"
    check_says "a folder as data" '"samples": 200' \
        "$deeparc" eval "$work/m.st" --data "$DEEPARC_DATA/mnist" --limit 200 --json
else
    skip "mnist" "DEEPARC_DATA is not set"
fi
finish
