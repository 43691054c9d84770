#!/bin/sh
# The commands around semantic modules: matrix, modules, order, removal, local retraining, report.
. "$(dirname "$0")/library.sh"

# ---- Modules from a matrix alone. ----
matrix=$work/cka.csv
cat > "$matrix" <<'END'
1,0.99,0.97,0.50,0.40
0.99,1,0.98,0.52,0.41
0.97,0.98,1,0.60,0.45
0.50,0.52,0.60,1,0.96
0.40,0.41,0.45,0.96,1
END
modules() { tr -d ' \n' < "$work/out" | sed 's/.*"modules":\(\[[][0-9,]*\]\).*/\1/'; }
partition="$deeparc partition --similarity $matrix --json --threshold"
check "partition" $partition 0.95 --linkage adjacent
check_same "partition: half-open pairs" "$(modules)" "[[0,3],[3,5]]"
check "partition, min" $partition 0.975 --linkage min
check_same "partition: min over all pairs" "$(modules)" "[[0,2],[2,3],[3,4],[4,5]]"
check "partition, mean" $partition 0.975 --linkage mean
check_same "partition: mean over all pairs" "$(modules)" "[[0,3],[3,4],[4,5]]"
check_says "partition has the metrics" '"coverage": 1' $partition 0.95
check_says "partition in words" "[0, 3) *  0 1 2" "$deeparc" partition --similarity "$matrix"
check "order" "$deeparc" order --similarity "$matrix" --json
check_same "order: last to first" "$(tr -d ' \n' < "$work/out" | sed 's/.*"order":\(\[[0-9,]*\]\).*/\1/')" "[2,1,0,4,3]"

json() { tr -d ' \n' < "$work/out"; } # what the last command printed, without blanks
cat > "$work/stages.json" <<'END'
{"names": ["layer1.0", "layer1.1", "layer1.2", "layer2.0", "layer2.1"]}
END
several="$deeparc partition --similarity $matrix --names $work/stages.json"
check_says "order marks what begins a stage" ">layer2.0" "$deeparc" order --similarity "$matrix" --threshold 0.5 \
    --names "$work/stages.json"
check_same "... and says what that means" "$(grep -c '^> begins a stage' "$work/out")" 1
check "order as JSON" "$deeparc" order --similarity "$matrix" --threshold 0.5 --names "$work/stages.json" --json
check_same "... marks it, too" "$(json | grep -o '"layer":[0-9],"name":"[a-z0-9.]*","module":0,"begins_stage":true')" \
    '"layer":3,"name":"layer2.0","module":0,"begins_stage":true'
cp "$work/stages.json" "$work/cka.json"
for command in order partition; do
    check_says "$command finds the record beside the matrix" ">layer2.0" "$deeparc" $command --similarity "$matrix" \
        --threshold 0.5
    check_same "... and says so" "$(grep -c "names of the layers: $work/cka.json" "$work/err")" 1
done
echo '{"names": ["a", "b"]}' > "$work/cka.json"
check_says "a record of other layers is left alone" "   1  4 " "$deeparc" order --similarity "$matrix" --threshold 0.5
check_same "... which is said" "$(grep -c 'names 2 layers, the matrix has 5' "$work/err")" 1
rm "$work/cka.json"
check_says "a stage is marked" ">layer2.0" $several
check_says "three linkages side by side" "adjacent   mean       min" $several --linkage adjacent,mean,min
check_says "... and Fisher's" "fisher" $several --method both --linkage min
check_says "Fisher's segmentation" "[0, 3) *  layer1.0 layer1.1 layer1.2" $several --method fisher
check_says "Fisher's for a number of modules" "5 layers in 4 modules" $several --method fisher --modules 4
check "a record of all" $several --method both --linkage adjacent,min --sweep 0.9:0.99:0.03 --json
check_same "its partitions" "$(json | sed 's/"run":.*//' | grep -o '"method":"[a-z0-9]*"' | wc -l | tr -d ' ')" 4
check_same "its thresholds" "$(json | grep -o '{"threshold":0.9[0-9]*,"linkage":"[a-z]*","modules":[0-9]*' | tr '\n' ' ')" \
    '{"threshold":0.9,"linkage":"adjacent","modules":2 {"threshold":0.9,"linkage":"min","modules":2 {"threshold":0.93,"linkage":"adjacent","modules":2 {"threshold":0.93,"linkage":"min","modules":2 {"threshold":0.96,"linkage":"adjacent","modules":3 {"threshold":0.96,"linkage":"min","modules":2 {"threshold":0.99,"linkage":"adjacent","modules":5 {"threshold":0.99,"linkage":"min","modules":4 '
check_same "its stages" "$(json | grep -o '"transitions":[^]]*]')" '"transitions":[3]'
check_says "a sweep in words" "0.96" $several --sweep 0.9:0.99:0.03
check "pictures" $several --png "$work/map.png" --svg "$work/map.svg"
check_same "a PNG" "$(head -c 8 "$work/map.png" | od -An -tx1 | tr -d ' \n')" 89504e470d0a1a0a
check_says "an SVG" "</svg>" cat "$work/map.svg"
check_fails "two files of one name" 2 "--png and --svg" $several --png "$work/map" --svg "$work/map"
check_fails "a linkage twice" 2 "min twice" $several --linkage min,min
check_fails "a linkage for Fisher's" 2 "--linkage belongs to algorithm1" $several --method fisher --linkage min
check_fails "a sweep for Fisher's" 2 "--sweep belongs to algorithm1" $several --method fisher --sweep 0.9:1:0.1
check_fails "modules for algorithm 1" 2 "--modules belongs to Fisher" $several --modules 3
check_fails "too many modules" 1 "6 modules of 5 layers" $several --method fisher --modules 6
check_fails "no number of modules" 2 "--modules is auto or a number" $several --method fisher --modules 0
for sweep in 0.9 0.9:0.8:0.01 0.9:1:0 0:2:0.5 a:b:c 0:1:0.0001 0.9:1:0.1:2; do
    check_fails "sweep $sweep" 2 "--sweep" $several --sweep $sweep
done
echo 1 > "$work/one.csv"
check_says "a matrix of one layer" "[0, 1)" "$deeparc" partition --similarity "$work/one.csv" --method fisher

check_fails "threshold 2" 2 "--threshold must be 0 to 1" $partition 2
check_fails "an unknown linkage" 2 "adjacent|mean|min" $partition 0.9 --linkage max
check_fails "no such matrix" 1 "nothing.csv" "$deeparc" partition --similarity "$work/nothing.csv"
echo "1,2,3" > "$work/bad.csv"
check_fails "a matrix that is not square" 1 "square" "$deeparc" partition --similarity "$work/bad.csv"
printf '1,0.5\n0.4,1\n' > "$work/bad.csv"
check_fails "a matrix that is not symmetric" 1 "bad.csv" "$deeparc" partition --similarity "$work/bad.csv"
printf '1,nan\nnan,1\n' > "$work/bad.csv"
check_fails "a matrix with nan" 1 "bad.csv" "$deeparc" order --similarity "$work/bad.csv"
: > "$work/bad.csv"
check_fails "an empty matrix" 1 "bad.csv" "$deeparc" partition --similarity "$work/bad.csv"
echo '{"names": ["a", "b"]}' > "$work/names.json"
check_fails "names of another matrix" 1 "names 2 layers" \
    "$deeparc" partition --similarity "$matrix" --names "$work/names.json"

# ---- A small residual network. ----
drawn="--data digits --quiet" data="--data digits --quiet --limit 320"
model=$work/model.safetensors small=$work/small.safetensors
mkdir "$work/results"
# shellcheck disable=SC2086
check_says "train a resnet" "sha256:" "$deeparc" train --model resnet20x0.25 $data --test-limit 64 --epochs 1 \
    --validation 64 --out "$model" --record "$work/results/train.json"
check_says "its record has the epochs" "validation_loss" cat "$work/results/train.json"
loss_in() { # BATCH
    # shellcheck disable=SC2086
    "$deeparc" eval "$model" $drawn --limit 64 --batch "$1" --json | grep '"loss"'
}
check_same "any batch gives the same loss to the last digit" "$(loss_in 7)" "$(loss_in 64)"
# shellcheck disable=SC2086
check "similarity" "$deeparc" similarity "$model" $drawn --limit 96 --batch 32 --out "$matrix" \
    --record "$work/results/similarity.json"
check_same "similarity: nine blocks" "$(wc -l < "$matrix" | tr -d ' ')" 9
check_same "similarity: numbers only" "$(tr -d '0-9.,e\n-' < "$matrix" | wc -c | tr -d ' ')" 0
check_says "similarity: names" '"layer3.2"' cat "$work/results/similarity.json"
# shellcheck disable=SC2086
check_says "similarity of all units" '"avgpool"' "$deeparc" similarity "$model" $drawn --limit 64 --batch 32 \
    --layers all --json
similar="$deeparc similarity $model $drawn --limit 64 --batch 32"
check_says "similarity of layers inside" '"layer3.2.conv2"' $similar --layers 'layer3.*.conv?' --json
check_fails "a pattern that matches nothing" 1 "there are conv1, bn1" $similar --layers 'stage*'
check_says "similarity, biased" '"biased"' $similar --estimator biased --json
check_says "similarity, RBF" '"RBF CKA"' $similar --kernel rbf --sigma-fraction 0.3 --json
check_says "similarity, RSA" '"RSA"' $similar --measure rsa --json
check_says "similarity, Procrustes" '"Procrustes"' $similar --measure procrustes --pool gap --json
check_says "similarity without the first component" '"without_first_component": true' \
    $similar --without-first-component --json
check_says "similarity, dominant images" "of the 3 most dominant images" $similar --dominant "$work/dominant.csv" \
    --dominant-images 3
check_same "three dominant images a block" "$(wc -l < "$work/dominant.csv" | tr -d ' ')" 28
check_says "dominant images in the record" '"dominant_images"' $similar --dominant "$work/dominant.csv" --json
check_fails "dominant images of two passes" 2 "needs one pass" $similar --dominant "$work/dominant.csv" --passes 2
check_fails "dominant images against another model" 2 "exclude each other" $similar --dominant "$work/dominant.csv" \
    --against "$model"
check_fails "how many, of nothing" 2 "belongs to --dominant" $similar --dominant-images 3
check_fails "first components of RSA" 2 "belongs to --measure cka" $similar --measure rsa --without-first-component
check_fails "first components of a kernel" 2 "belongs to --kernel linear" $similar --kernel rbf --without-first-component
check_says "similarity, pooled" '"global average"' $similar --pool gap --json
check_says "similarity, batch statistics" '"batch statistics"' $similar --norm batch --json
check_says "similarity, passes" '"batches": 6' $similar --passes 3 --json
check_says "similarity, pictures and errors" "linear CKA" $similar --png "$work/cka.png" --svg "$work/cka.svg" \
    --errors "$work/errors.csv"
check_same "errors have a row a block" "$(wc -l < "$work/errors.csv" | tr -d ' ')" 9
# shellcheck disable=SC2086
one="$deeparc similarity $model $drawn --limit 32 --batch 32"
check_says "one batch has no standard error" "over batches: -, unknown" $one --errors "$work/errors.csv"
check_same "... an empty field" "$(head -n 1 "$work/errors.csv")" "0,,,,,,,,"
check "... in JSON" $one --json
check_same "... null" "$(json | sed 's/.*"standard_error":\[\[0,null,null.*/null/')" null
check_says "against itself" "1.0000" $similar --against "$model"
check_says "against other data" "against 9 layers" $similar --against-data digits --split train
check "a state is kept" $similar --state "$work/state.json" --out "$work/first.csv"
check_says "a state is gone on from" '"samples": 64' $similar --state "$work/state.json" --out "$work/second.csv" --json
check_same "... to the same matrix" "$(cat "$work/first.csv")" "$(cat "$work/second.csv")"
# ---- Do modules agree over parts of the data? ----
for half in 1 2; do check "half $half" $similar --part $half/2 --out "$work/half$half.csv"; done
check_says "stability over halves" "2 matrices of 9 layers" "$deeparc" stability "$work/half1.csv" "$work/half2.csv"
check_says "stability: one pair has no spread" "1.000   -  1.000" \
    "$deeparc" stability "$work/half1.csv" "$work/half1.csv"
check_says "... nor in JSON" '"adjusted_rand_deviation": null' "$deeparc" stability "$work/half1.csv" "$work/half1.csv" --json
check_says "... three have" "1.000  0.000  1.000" \
    "$deeparc" stability "$work/half1.csv" "$work/half1.csv" "$work/half1.csv"
check_says "stability as JSON" '"adjusted_rand"' "$deeparc" stability "$work/half1.csv" "$work/half2.csv" \
    "$work/first.csv" --thresholds 0.5,0.9 --linkage min --json
check_fails "stability of one matrix" 2 "B.csv is missing" "$deeparc" stability "$work/half1.csv"
check_fails "stability over networks" 1 "in one network" "$deeparc" stability "$work/half1.csv" "$work/one.csv"
check_fails "thresholds that are none" 2 "--thresholds must be 0 to 1, or a list" \
    "$deeparc" stability "$work/half1.csv" "$work/half2.csv" --thresholds 0.9,high
check_fails "a part that is none" 2 "--part is K/N" $similar --part 3/2
check_fails "a part without images" 1 "holds no image: there are 64 images" $similar --part 100/100

check_fails "a state of other settings" 1 "other settings" $similar --state "$work/state.json" --pool gap
echo '{}' > "$work/state.json"
check_fails "a state that is none" 1 "cannot be continued" $similar --state "$work/state.json"
check_fails "a kernel for RSA" 2 "--kernel belongs to" $similar --measure rsa --kernel rbf
check_fails "a sigma without RBF" 2 "--sigma-fraction belongs to" $similar --sigma-fraction 1
check_fails "a threshold of two sides" 2 "--threshold needs the matrix" $similar --against "$model" --threshold 0.9
check "pictures of two sides" $similar --layers 'layer?.0' --against "$model" --png "$work/two.png" --svg "$work/two.svg"
check_same "... of three rows and columns" "$(grep -c '<title>layer' "$work/two.svg")" 9
"$deeparc" similarity "$model" --data digits --limit 64 --batch 32 --estimator biased > "$work/out" 2> "$work/notes"
check_says "biased values of wide layers get a warning" "noise of that width" cat "$work/notes"
# shellcheck disable=SC2086
check_fails "too few samples" 1 "batch" "$deeparc" similarity "$model" $drawn --limit 3
# shellcheck disable=SC2086
check_fails "a batch of 3" 2 "--batch must be 4" "$deeparc" similarity "$model" $drawn --batch 3
# shellcheck disable=SC2086
check_says "one layer" "1 layer in 1 module" "$deeparc" similarity "$model" $drawn --limit 16 --layers layer1.0
# shellcheck disable=SC2086
check_fails "a batch of 2" 2 "--batch must be 4" "$deeparc" similarity "$model" $drawn --batch 2
# shellcheck disable=SC2086
check_says "train an mlp" "sha256:" "$deeparc" train --model mlp-8 $data --test-limit 10 --epochs 1 \
    --out "$work/mlp.safetensors"
# shellcheck disable=SC2086
check_fails "blocks of a network without" 1 "no residual blocks" \
    "$deeparc" similarity "$work/mlp.safetensors" $data --layers blocks

# Images of another shape, and of another number of classes.
mkdir -p "$work/idx" "$work/sets/cifar-100-binary" "$work/sets/cifar-10-batches-bin"
{ printf '\000\000\010\003\000\000\000\010\000\000\000\010\000\000\000\010'
  head -c 512 /dev/zero; } > "$work/idx/t10k-images-idx3-ubyte"
{ printf '\000\000\010\001\000\000\000\010'; head -c 8 /dev/zero; } > "$work/idx/t10k-labels-idx1-ubyte"
check_fails "images of another shape" 1 "takes images of 28x28x1" \
    "$deeparc" similarity "$model" --data "$work/idx/" --split test --quiet
for part in train test; do head -c 30740 /dev/zero > "$work/sets/cifar-100-binary/$part.bin"; done # 10 of 3074 bytes
head -c 30730 /dev/zero > "$work/sets/cifar-10-batches-bin/test_batch.bin"
check "a network for 100 classes" "$deeparc" train --model mlp-4 --data cifar100 --data-dir "$work/sets" --epochs 1 \
    --quiet --out "$work/hundred.safetensors"
check_fails "data of ten" 1 "tells 100 classes apart, 'cifar10' has 10" \
    "$deeparc" similarity "$work/hundred.safetensors" --data cifar10 --data-dir "$work/sets" --split test --quiet

# ---- Removal. ----
cut="$deeparc restructure $model --out $small"
check_says "restructure by name" "layer1.0,layer2.0" $cut --remove layer1.1,layer1.2
check_says "the smaller model describes itself" "layer3.2" "$deeparc" summary "$small"
check_same "the units are gone" "$("$deeparc" summary "$small" | grep -c '^layer1')" 1
check_says "restructure a range" "removed:    layer2.1,layer2.2" $cut --module layer2.1:layer2.2
check_fails "a transition" 1 "layer2.0 cannot be removed" $cut --remove layer2.0
check_fails "an unknown unit" 1 "layer9.9" $cut --remove layer9.9
check_fails "a range backwards" 2 "lies behind" $cut --module layer2.2:layer2.1
check_fails "nothing to remove is named" 2 "--remove" $cut
check_fails "both ways at once" 2 "--remove" $cut --remove layer1.1 --similarity "$matrix"
check_fails "an option without effect" 2 "--max-drop has no effect" $cut --remove layer1.1 --max-drop 0.1
check_fails "verification without data" 2 "--validation has no effect" $cut --similarity "$matrix" --validation 9
check_fails "a directory that is not there" 1 "nowhere" \
    "$deeparc" restructure "$model" --remove layer1.1 --out "$work/nowhere/x"
check_fails "nothing is redundant" 1 "lower the threshold" $cut --similarity "$matrix" --threshold 1
# shellcheck disable=SC2086
check_says "restructure by similarity" "multiply-adds" $cut --similarity "$matrix" \
    --names "$work/results/similarity.json" --threshold 0 --enough 0.25 $data --validation 64 --max-drop 1 \
    --test-limit 64 --record "$work/results/restructure.json"
check_same "held-out images that training held out, too" "$(grep -c -e '"held_out_trained_on": 0' -e '"measured_on": "train"' \
    "$work/results/restructure.json")" 2
# shellcheck disable=SC2086
check_says "held-out images that were trained on" "OF THEM TRAINED ON" $cut --similarity "$matrix" --threshold 0 \
    --enough 0.25 $data --validation 64 --seed 2 --max-drop 1 --test-limit 64
"$deeparc" restructure "$model" --out "$small" --similarity "$matrix" --threshold 0 --enough 0.25 --data digits \
    --limit 320 --validation 64 --seed 2 --max-drop 1 --test-limit 64 > "$work/out" 2> "$work/notes"
check_says "... loudly" "of the 64 held-out images were trained on" cat "$work/notes"
check_says "... and that nobody says where the matrix is from" "measured on training or test images is unknown" \
    cat "$work/notes"
check_says "two points are the limit by default" "falls by more than X in all: 0.02 is two points (0.02)" \
    "$deeparc" restructure --help

# ---- The test set decides nothing; nothing is mixed. ----
check_same "similarity measures training images" "$(grep -c '^  "split": "train"' "$work/results/similarity.json")" 1
"$deeparc" similarity "$model" --data digits --limit 64 --split test --out "$work/t.csv" --record "$work/t.json" \
    > "$work/out" 2> "$work/notes"
check_says "... or says what test images mean" "the test set has decided" cat "$work/notes"
for command in "partition" "order" "restructure $model --out $work/x --threshold 0" \
    "properties $model --data digits --test-limit 20 --attack-limit 0 --no-probes --controls 0 --threshold 0"; do
    # shellcheck disable=SC2086
    "$deeparc" $command --similarity "$work/t.csv" > "$work/out" 2> "$work/notes"
    check_says "${command%% *} says it again" "measured on test images" cat "$work/notes"
done
check_says "... and order records it" '"measured_on": "test"' "$deeparc" order --similarity "$work/t.csv" --quiet --json
check_says "... and partition" '"measured_on": "test"' "$deeparc" partition --similarity "$work/t.csv" --quiet --json
check_fails "the record of another matrix" 1 "record of another matrix" "$deeparc" order --similarity "$matrix" \
    --names "$work/t.json"
# shellcheck disable=SC2086
check "another network" "$deeparc" train --model resnet20x0.25 $data --test-limit 64 --epochs 1 --seed 2 \
    --out "$work/other.safetensors"
check_fails "the matrix of another network" 1 "is the matrix of another network" "$deeparc" restructure \
    "$work/other.safetensors" --similarity "$work/t.csv" --quiet --out "$work/x" --threshold 0
sed 's/layer3.2/layer4.2/; /"hash"/d' "$work/t.json" > "$work/u.json"
check_fails "... by its units" 1 "has no unit 'layer4.2'" "$deeparc" restructure "$model" --similarity "$work/t.csv" \
    --names "$work/u.json" --quiet --out "$work/x" --threshold 0
check_says "its record has the verdicts" "enough is gone" cat "$work/results/restructure.json"

# ---- Local retraining. ----
near=$(tr -d ' \n"' < "$work/results/restructure.json" | sed 's/.*neighbours:\[\([^]]*\)\].*/\1/')
before=$("$deeparc" hash "$small" --units | grep ' bn1')
# shellcheck disable=SC2086
check_says "retrain the neighbours" "unmoved: " "$deeparc" retrain "$small" --units "$near" $data --test-limit 64 \
    --epochs 2 --out "$work/repaired.safetensors" --record "$work/results/retrain-neighbours.json"
check_same "a frozen unit has its hash" \
    "$("$deeparc" hash "$work/repaired.safetensors" --units | grep ' bn1')" "$before"
# shellcheck disable=SC2086
check_says "retrain all" "unmoved: 0 units" "$deeparc" retrain "$small" --units all $data --test-limit 64 --epochs 1 \
    --out "$work/all.safetensors" --record "$work/results/retrain-all.json"
# shellcheck disable=SC2086
check_fails "retrain an unknown unit" 1 "layer9.9" \
    "$deeparc" retrain "$small" --units layer9.9 $data --test-limit 64 --out "$work/x"
# shellcheck disable=SC2086
check_fails "retrain a unit without weights" 1 "no parameters" \
    "$deeparc" retrain "$small" --units avgpool $data --test-limit 64 --out "$work/x"

# shellcheck disable=SC2086
check_says "retrain the neighbours without naming them" "neighbours of what was cut: $near" "$deeparc" retrain "$small" \
    --units neighbours $data --test-limit 64 --epochs 2 --out "$work/again.safetensors" --record "$work/again.json"
check_same "... gives the same network" "$("$deeparc" hash "$work/again.safetensors")" \
    "$("$deeparc" hash "$work/repaired.safetensors")"
check_says "... and the record names them" "\"trained\": \"$near\"" cat "$work/again.json"
# shellcheck disable=SC2086
check_fails "neighbours of nothing" 2 "nothing was cut from" \
    "$deeparc" retrain "$model" --units neighbours $data --test-limit 64 --out "$work/x"

# ---- The report. ----
check_says "report" "retrained: neighbours" "$deeparc" report "$work/results" --out "$work/report.html"
check_says "the page has the heat map" "layer3.2" cat "$work/report.html"
check_says "the page repeats the training" "deeparc train --model resnet20x0.25" cat "$work/report.html"
check_same "nothing from outside" "$(grep -c -e '<script' -e 'src=' -e '<link' -e '@import' "$work/report.html")" 0
check_same "the record has a loss a step" "$(grep -c '"step":' "$work/results/train.json")" 2
# shellcheck disable=SC2086
check "examples" "$deeparc" eval "$work/repaired.safetensors" $drawn --limit 64 --examples 4 \
    --record "$work/results/eval.json"
check_says "the report in words" "retrained: neighbours" "$deeparc" report "$work/results" --out "$work/report.html"
page() { tr '\n' ' ' < "$work/report.html"; }
check_same "the page has pictures" "$(grep -o '<img alt="" src="data:image/png;base64,iVBORw0KGgo' "$work/report.html" |
    wc -l | tr -d ' ')" "$(grep -c '"png"' "$work/results/eval.json")"
for words in "It has hardly learned" "removed for real: what is left needs" "fewer multiply-adds" \
    "Retraining [0-9.]* % of the values ($near)" "Its surest mistakes" "The loss is what training makes smaller" \
    "CKA is 1 when" "MSRS: a soft count" "measured, on images that neither"; do
    check_same "the page says '$words'" "$(page | grep -c "$words")" 1
done
# Its commands are lines that a shell runs: the first one gives the same weights again.
sed -n '/^<pre>/,/<\/pre>/{p;/<\/pre>/q;}' "$work/report.html" | sed -e 's/<[/]*pre>//' -e 's/&quot;/"/g' -e "s/&#39;/'/g" > "$work/lines"
check "its commands can be pasted" sh -e "$work/lines"
cp "$work/results/eval.json" "$work/eval.json"
sed 's/"png": "iVBOR/"png": "<iVBOR/' "$work/eval.json" > "$work/results/eval.json"
check_fails "a picture that is none" 1 "" "$deeparc" report "$work/results" --out "$work/x.html"
mv "$work/eval.json" "$work/results/eval.json"
cp -r "$work/results" "$work/mixed"
# shellcheck disable=SC2086
check "a repair judged on fewer images" "$deeparc" retrain "$small" --units all $data --test-limit 32 --epochs 1 \
    --out "$work/x" --record "$work/mixed/retrain-few.json"
"$deeparc" report "$work/mixed" --out "$work/mixed.html" --quiet > "$work/text"
check_same "accuracies over other images are not subtracted" "$(sed -n 's/^retrained: few  *[0-9.]* %  *\([^ ]*\) .*/\1/p' "$work/text")" -
check_says "... and the text says why" "on other test images than the original" cat "$work/text"
check_says "... and the page" "on other test images than the original" cat "$work/mixed.html"
change_of() { # of what removal left, in points, from its own record
    tr -d ' \n' < "$work/results/restructure.json" | sed 's/.*"before":{[^}]*"accuracy":\([0-9.e-]*\),.*"after":{[^}]*"accuracy":\([0-9.e-]*\),.*/\1 \2/' |
        awk '{ printf "%+.2f", 100 * ($2 - $1) }'
}
sed 's/"accuracy": 0[0-9.]*,/"accuracy": 0.987,/; s/"test_images": "sha256:./"test_images": "sha256:x/' \
    "$work/results/train.json" > "$work/mixed/train.json"
check_same "removal is compared with its own test images" \
    "$("$deeparc" report "$work/mixed" --out "$work/x.html" --quiet | awk '$1 == "layers" { print $5 }')" "$(change_of)"
for i in 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20; do
    cp "$work/results/retrain-all.json" "$work/mixed/retrain-n$i.json"
done
"$deeparc" report "$work/mixed" --out "$work/x.html" --quiet > "$work/text"
check_same "every record is read, in the order of names" "$(awk '$2 ~ /^n[0-9]/ { printf "%s", $2 }' "$work/text")" \
    n01n02n03n04n05n06n07n08n09n10n11n12n13n14n15n16n17n18n19n20
cp -r "$work/results" "$work/strange"
"$deeparc" similarity "$work/other.safetensors" --data digits --limit 64 --quiet \
    --record "$work/strange/similarity.json" > "$work/text"
check_fails "the matrix of another network in a report" 1 "'similarity.json' is of a network that the other records do not know" \
    "$deeparc" report "$work/strange" --out "$work/x.html"
cp "$work/results/similarity.json" "$work/strange/similarity.json"
sed 's/"hash_before": "sha256:..../"hash_before": "sha256:0000/' "$work/results/retrain-all.json" > "$work/strange/retrain-all.json"
check_fails "a repair of another network" 1 "'retrain-all.json' is of a network" \
    "$deeparc" report "$work/strange" --out "$work/x.html"
mkdir "$work/empty"
check_fails "an empty directory" 1 "train.json" "$deeparc" report "$work/empty" --out "$work/x.html"
check_fails "no directory" 1 "no directory" "$deeparc" report "$work/nowhere" --out "$work/x.html"
echo '{"layers": 3, "modules": [[0, 2], [1, 3]], "names": ["a", "b", "c"]}' > "$work/empty/similarity.json"
check_fails "modules that overlap" 1 "partition" "$deeparc" report "$work/empty" --out "$work/x.html"
finish
