#!/bin/sh
# deeparc verify: a folder of records whose files, models and data are there, changed, missing, damaged; and --replay,
# which runs their commands again: equal, different, refused. Nothing that a record says is written outside.
. "$(dirname "$0")/library.sh"

dir=$work/results
mkdir "$dir"
data="--data digits --limit 200 --quiet"
check "a record of training" "$deeparc" train --model mlp-8-8 $data --test-limit 50 --epochs 1 --out "$dir/m.safetensors" \
    --log "$dir/log.csv" --record "$dir/train.json"
check "... of similarity" "$deeparc" similarity "$dir/m.safetensors" $data --out "$dir/s.csv" --record "$dir/s.json"
for member in '"commit": "' '"compiler": "' '"flags": "' '"threads": ' '"machine": "' '"rate": 0.05' '"augment": "none"' \
    '"part": "test"' '"network": "sha256:'; do # what nobody typed is there too
    check_says "the header has $member" "$member" cat "$dir/train.json"
    check_says "... --json has $member" "$member" "$deeparc" train --model mlp-8-8 $data --test-limit 50 --epochs 1 --json
done
check_same "... and the model file" "$(grep -a -c 'deeparc.run":"{.*commit' "$dir/m.safetensors")" 1
check_says "all is as recorded" " 0 not checked, 0 faults" "$deeparc" verify "$dir"
check_same "every file, model and part of the data has its row" "$(grep -c '^ok ' "$work/out")" 9
cp -r "$dir" "$work/moved"
cp -r "$dir" "$work/swapped"
echo >> "$dir/log.csv"
check_fails "a file that changed" 1 "1 of 9" "$deeparc" verify "$dir"
check_same "... is named" "$(grep -c '^changed .*log.csv' "$work/out")" 1
rm "$dir/s.csv"
check_fails "a file that is gone" 1 "2 of 9" "$deeparc" verify "$dir"
check_same "... is named" "$(grep -c '^missing .*s.csv' "$work/out")" 1
printf 'x' | dd of="$dir/m.safetensors" bs=1 seek=3000 conv=notrunc 2> /dev/null
check_fails "a damaged model" 1 "of 9" "$deeparc" verify "$dir" --json

# ---- Data: each file by its SHA-256, as it lies there. ----
images=$work/data/t10k-images-idx3-ubyte.gz
mkdir "$work/data" "$work/of"
{ idx_images 8; zeros 6272; } | gzip > "$images"
{ idx_labels 8; bytes 0 1 2 3 4 5 6 7; } > "$work/data/t10k-labels-idx1-ubyte"
check "a record of own data" "$deeparc" eval "$work/moved/m.safetensors" --data "$work/data" --quiet --record "$work/of/eval.json"
check_says "... says what they are" '"content": "of no known set"' cat "$work/of/eval.json"
if command -v sha256sum > /dev/null; then
    for file in "$images" "$work/data/t10k-labels-idx1-ubyte"; do
        check_says "... and the digest of ${file##*/}" "$(sha256sum < "$file" | cut -d ' ' -f 1)" cat "$work/of/eval.json"
    done
fi
check_says "data as recorded" "5 of files, models and data as recorded, 0 not checked, 0 faults" "$deeparc" verify "$work/of"
{ idx_images 8; head -c 6271 /dev/zero; bytes 1; } | gzip > "$images"
check_fails "data that changed" 1 "2 of 5" "$deeparc" verify "$work/of"
check_same "... are named" "$(grep -c '^changed  *data .*images' "$work/out")" 2 # the file, and what it holds

# ---- A command may be told another normalisation than that of its model, which is as it was. ----
mkdir "$work/told"
check "a record of another normalisation" "$deeparc" eval "$work/moved/m.safetensors" --data digits --limit 20 --quiet \
    --normalize 0.2/0.7 --record "$work/told/eval.json"
check_says "... of a model as recorded" "3 of files, models and data as recorded, 0 not checked, 0 faults" \
    "$deeparc" verify "$work/told"
sed 's,0.2/0.7,0.2/0.75,' "$work/told/eval.json" > "$work/told/other.json"
check_fails "... and no other normalisation" 1 "1 of 6" "$deeparc" verify "$work/told"

# ---- What a command chose by itself stands among the options in effect. ----
m=$work/moved/m.safetensors
says() { # NAME TEXT COMMAND...: the header of what it prints, in one line
    name=$1 text=$2; shift 2
    "$@" --quiet --json | tr -d ' \n' | grep -o '"run":{.*' > "$work/header"
    check_says "$name" "$text" cat "$work/header"
}
says "similarity: the part" '"part":"2/2"' "$deeparc" similarity "$m" --data digits --limit 101 --part 2/2
check_says "... of which 50 images are left" '"images":50,' cat "$work/header"
says "... without one, all" '"part":"1/1"' "$deeparc" similarity "$m" --data digits --limit 40
check_says "... in a batch of what there is" '"batch":40,' cat "$work/header"
says "restructure: named units need no images" '"validation":0,' \
    "$deeparc" restructure "$m" --remove relu1 --out "$work/cut.safetensors"
says "train: the rise of one-cycle" '"rise":0.3,' "$deeparc" train --model mlp-8 --data digits --limit 40 --epochs 1
says "... how far a step drops" '"factor":0.1,' \
    "$deeparc" train --model mlp-8 --data digits --limit 40 --epochs 2 --schedule step --step-every 1
says "bench: the model" '"models":[{"file":"","values":"sha256:' \
    "$deeparc" bench --model mlp-8 --mode infer --seconds 0.01 --repetitions 1
check_says "... its images" '"images":4096,"fingerprint"' cat "$work/header"
check_says "... how convolutions are computed" '"conv":"direct"' cat "$work/header"
says "import: where classes come from" '"part":"test","name":"digits"' \
    "$deeparc" import "$m" --out "$work/imported.safetensors" --classes-from digits

mkdir "$work/old"
echo '{"command": "eval", "run": {"version": "0.1.0", "seed": 1}}' > "$work/old/eval.json"
check_says "a record of version 0.1.0" "1 record of an older version" "$deeparc" verify "$work/old"
check_fails "a folder without records" 1 "no record" "$deeparc" verify "$work/nothing"
rm -r "$dir" "$work/old"

# A folder that has moved: files are found beside their records. Another model under the name of the first one.
check_says "a folder that has moved" " 0 faults" "$deeparc" verify "$work/moved"
"$deeparc" train --model mlp-8-8 $data --test-limit 50 --epochs 1 --seed 2 --out "$work/swapped/m.safetensors" > "$work/out"
check_fails "a model that was exchanged" 1 "4 of 9" "$deeparc" verify "$work/swapped"
check_same "... is named" "$(grep -c '^changed .*model .*m.safetensors' "$work/out")" 2
check_says "a replay needs neither, and any kernels do" "replayed: 2 equal" "$deeparc" verify "$work/moved" --replay \
    --quiet --kernels reference
mkdir "$work/alone"
cp "$work/moved/s.json" "$work/alone"
check_fails "a replay whose input is nowhere" 1 "of 4 files" "$deeparc" verify "$work/alone" --replay --quiet
check_same "... is refused" "$(grep -c '^refused .*m.safetensors.*not there' "$work/out")" 1

# Every kind of record, in one chain, named in the order in which it cannot be replayed; relative names, as typed.
cd "$work" || exit 1
mkdir -p all
data="--data digits --limit 300 --test-limit 50 --quiet"
"$deeparc" train --model resnet14x0.25 $data --epochs 1 --batch 32 --out all/m.safetensors --log all/log.csv \
    --record all/z-train.json > out
"$deeparc" similarity all/m.safetensors --data digits --limit 128 --quiet --out all/y.csv --errors all/errors.csv \
    --png all/y.png --dominant all/dominant.csv --record all/y.json > out
"$deeparc" similarity all/m.safetensors --data digits --limit 128 --quiet --part 1/2 --out ./all/x.csv --record all/x.json > out
"$deeparc" partition --similarity all/y.csv --threshold 0.9,0.95 --linkage adjacent,min --method both --quiet \
    --record all/w-partition.json > out
"$deeparc" stability all/y.csv all/x.csv --quiet --record "$work/all/v-stability.json" > out
"$deeparc" order --similarity all/y.csv --names all/y.json --threshold 0.9 --quiet --record all/u-order.json > out
"$deeparc" restructure all/m.safetensors --remove layer1.1 --data digits --test-limit 50 --quiet --out all/cut.safetensors \
    --record all/t-restructure.json > out
"$deeparc" retrain all/cut.safetensors --units neighbours $data --batch 32 --out all/fixed.safetensors --log all/log2.csv \
    --record all/s-retrain.json > out
"$deeparc" eval all/fixed.safetensors --data digits --limit 50 --confusion --examples 2 --quiet --record all/eval.json > out
"$deeparc" properties all/m.safetensors --data digits --threshold 0.5 --controls 2 --limit 50 --test-limit 50 --quiet \
    --csv all/p.csv --html all/p.html --record all/properties.json > out
"$deeparc" predict all/fixed.safetensors --data digits --limit 20 --quiet --record all/predict.json > out
"$deeparc" predict all/fixed.safetensors --data digits --limit 20 --quiet --out all/logits.npy --record all/logits.json > out
"$deeparc" train --model mlp-8 $data --epochs 2 --max-steps 7 --checkpoint all/half > out
"$deeparc" train --model mlp-8 $data --epochs 2 --max-steps 0 --checkpoint all/half --resume --log all/log3.csv \
    --out all/mlp.safetensors --record all/resumed.json > out
"$deeparc" report all --out all/report.html > out 2>&1
"$deeparc" sweep run --dir all --data digits --limit 100 --test-limit 50 --depth 8 --width 0.25 --share 0.5 --classes 5 \
    --epochs 1 --quiet > out
find all -type f -exec ls -l --time-style=full-iso {} + > before 2> /dev/null || ls -lR all > before
check_says "every kind of record is replayed" "replayed: 14 equal, 0 that differ, 0 failed or refused; 0 not replayed" \
    "$deeparc" verify all --replay --quiet
for record in z-train y x w-partition v-stability u-order t-restructure s-retrain eval properties predict logits \
    resumed; do
    check_same "... $record" "$(grep -c "^equal *all/$record.json: [0-9]* figures equal" "$work/out")" 1
done
check_same "... the run of a sweep" "$(grep -c "^equal *all/runs/.*figures equal" "$work/out")" 1
find all -type f -exec ls -l --time-style=full-iso {} + > after 2> /dev/null || ls -lR all > after
check_same "... and nothing in the folder has moved" "$(cat before)" "$(cat after)"
check "... with another number of threads, as JSON, in a folder that stays" "$deeparc" verify all --replay --quiet \
    --threads 1 --json --keep kept
check_same "... a row each" "$(grep -c '"state": "equal"' "$work/out")" 14
check_same "... leaves what was made" "$(find kept -name fixed.safetensors | wc -l | tr -d ' ')" 4 # made, and read three times
check_fails "... in a new folder only" 1 "is there already" "$deeparc" verify all --replay --quiet --keep kept
check_fails "... and not without --replay" 2 "no effect" "$deeparc" verify all --keep more

# A figure that was changed in a record: its files have the recorded hashes.
mkdir forged
cp -r all/z-train.json all/m.safetensors all/log.csv forged
sed 's/"correct": \([0-9]*\)/"correct": 1\1/' forged/z-train.json > changed && mv changed forged/z-train.json
check "verify alone cannot find a figure that was changed" "$deeparc" verify forged
check_fails "--replay does" 1 "1 of 1 commands" "$deeparc" verify forged --replay --quiet
check_same "... and names it" "$(grep -c '^ *correct: recorded [0-9]*, replayed [0-9]*$' "$work/out")" 1
cp all/z-train.json forged
sed 's/"commit": ".*"/"commit": "abc"/' forged/z-train.json > changed && mv changed forged/z-train.json
check "a record of another commit is replayed" "$deeparc" verify forged --replay
check_same "... with a note" "$(grep -c 'was made by deeparc .*, commit abc' err)" 1

# Data that have gone, and data that have changed.
mkdir -p set gone
{ idx_images 40; head -c $((40 * 784)) /dev/urandom; } > set/train-images-idx3-ubyte
{ idx_labels 40; for _ in 1 2 3 4; do bytes 0 1 2 3 4 5 6 7 8 9; done; } > set/train-labels-idx1-ubyte
cp set/train-images-idx3-ubyte set/t10k-images-idx3-ubyte
cp set/train-labels-idx1-ubyte set/t10k-labels-idx1-ubyte
check "training on a folder" "$deeparc" train --model mlp-4 --data ./set --epochs 1 --quiet --record gone/train.json
check_says "... is replayed" "replayed: 1 equal" "$deeparc" verify gone --replay --quiet
printf '\377\376' | dd of=set/train-images-idx3-ubyte bs=1 seek=900 conv=notrunc 2> /dev/null
check_fails "data that changed" 1 "2 of 6" "$deeparc" verify gone
check_same "... are named" "$(grep -c '^changed *data *idx train, 40 images' "$work/out")" 1
rm -r set
check_says "data that are gone are not checked" "2 not checked, 0 faults" "$deeparc" verify gone
check_same "... which is said" "$(grep -c '^not checked *data *idx test, 40 images is not on this machine' "$work/out")" 1
check_fails "a replay without data" 1 "no command could be replayed" "$deeparc" verify gone --replay --quiet
check_same "... says why" "$(grep -c '^not replayed .*idx is not on this machine' "$work/out")" 1

# Records of someone who wants more: every name leads into the folder of the replay, and goes with it.
mkdir -p evil/sub outside tmp
echo precious > outside/victim
hostile() { # FILE WORDS-AS-JSON
    printf '{"command": "x", "program": "sh", "arguments": [%s], "run": {"outputs": [], "inputs": %s}}\n' "$2" "${3:-[]}" \
        > "evil/$1.json"
}
small='"train", "--model", "mlp-4", "--data", "digits", "--limit", "50", "--test-limit", "50", "--epochs", "1"'
hostile absolute "$small, \"--out\", \"$work/outside/victim\", \"--record\", \"$work/outside/r.json\""
hostile above "$small, \"--out=../outside/victim\", \"--log\", \"evil/../../outside/victim\", \"--record\", \"../outside/r\""
hostile sweep '"sweep", "run", "--dir", "../outside", "--data", "digits", "--depth", "8", "--width", "0.25", "--limit", "50", "--test-limit", "50", "--epochs", "1"'
hostile self "\"verify\", \"$work/evil\", \"--replay\""
hostile plan "\"sweep\", \"plan\", \"--dir\", \"$work/outside\", \"--data\", \"digits\""
hostile shell '"; touch outside/shell; #"'
hostile option "$small, \"--exec\", \"touch outside/option\", \"--record\", \"r\""
hostile speed '"bench", "--seconds", "1"'
hostile help "$small, \"--help\""
hostile import "\"import\", \"m\", \"--out\", \"$work/outside/victim\""
hostile copied "$small, \"--record\", \"r\"" "[{\"file\": \"$work/outside/victim\", \"sha256\": \"sha256:00\"}]"
ln -s "$work/outside" evil/sub/link
hostile linked "$small, \"--out\", \"evil/sub/link/victim\", \"--record\", \"evil/sub/link/r.json\""
check_fails "records that want to write elsewhere" 1 "1 of 1 files" \
    env TMPDIR="$work/tmp" "$deeparc" verify evil --replay --quiet
check_same "... write nothing there" "$(ls outside):$(cat outside/victim)" "victim:precious"
check_same "... and leave nothing" "$(find tmp evil -type f ! -name '*.json' | wc -l | tr -d ' ')" 0
for record in self plan import speed; do
    check_same "... $record is not run" "$(grep -c "^not replayed *evil/$record.json" "$work/out")" 1
done
for record in shell option help copied; do
    check_same "... $record is refused" "$(grep -c "^refused *evil/$record.json" "$work/out")" 1
done

# A pipe may never end: in the folder none is read, and in the place of a file it is none.
mkdir pipes
mkfifo pipes/a.json pipes/model
echo '{"run": {"outputs": [], "models": [{"file": "pipes/model"}], "options": {"data": "pipes/model"},
    "data": [{"part": "test", "name": "mnist", "images": 1}]}}' > pipes/b.json
check_fails "a pipe is not waited for" 1 "1 of 1 files" "$deeparc" verify pipes
check_same "... in any place" "$(grep -c -e "^missing  *model  *pipes/model " -e "^1 record: .* 1 not checked" "$work/out")" 2

# All records are read, or it is said which are not.
mkdir many shut
for i in 0 1 2; do for k in 0 1 2 3 4 5 6 7 8 9; do for l in 0 1 2 3 4 5 6 7 8 9; do echo '{}' > many/$i$k$l.json; done; done; done
check_says "hundreds of records" "300 records: 0 of files" "$deeparc" verify many
ln -s runs shut/runs
check_fails "a folder that cannot be read" 1 "cannot read the folder 'shut/runs'" "$deeparc" verify shut

# Ctrl-C (here as SIGTERM: a shell's background jobs ignore the other) ends the command, too, and removes the folder.
mkdir long
awk '/"--epochs",/ { print; getline; print "\"90000\","; next } 1' all/z-train.json > long/train.json
env TMPDIR="$work/tmp" "$deeparc" verify long --replay --quiet > out 2> err &
process=$!
tries=0
while [ -z "$(find tmp -name m.safetensors 2> /dev/null)" ] && [ $tries -lt 30 ]; do
    sleep 0.1; tries=$((tries + 1))
done
kill -TERM $process
wait $process
check_same "a replay that is stopped fails" $? 1
check_same "... and leaves nothing" "$(find tmp -mindepth 1 | wc -l | tr -d ' ')" 0
finish
