#!/bin/sh
# Bad input: one clear sentence, exit status 1 (failed) or 2 (wrong usage), never a crash.
. "$(dirname "$0")/library.sh"

model=$work/mlp.safetensors
evaluate="$deeparc eval $model --quiet --data"
train="$deeparc train --quiet --limit 64 --test-limit 10 --epochs 1"
tiny="$train --model mlp-8 --data digits"
check "a model to work with" $tiny --out "$model"

# ---- Wrong usage. ----
check_fails "unknown command" 2 "did you mean 'train'?" "$deeparc" trian
check_fails "unknown command, far from all" 2 "--help" "$deeparc" xyzzyxyzzyxyzzy
check_fails "unknown option" 2 "did you mean --epochs?" $tiny --epoch 3
check_fails "unknown option with =" 2 "did you mean --batch?" $tiny --batc=3
check_fails "one dash" 2 "options begin with --" $tiny -epochs
synonym() { check_fails "--$1" 2 "did you mean --$2?" $tiny "--$1" 3; }
synonym lr rate; synonym learning-rate rate; synonym batch-size batch; synonym wd weight-decay; synonym output out
synonym num-workers threads; synonym arch model; synonym dataset data; synonym scheduler schedule; synonym epoch epochs
check_fails "-o" 2 "options begin with --; did you mean --out?" $tiny -o "$work/x.st"
check_fails "--model-path of eval" 2 "the model's file is an argument: deeparc eval" "$deeparc" eval --model-path m
check_fails "--checkpoint of predict" 2 "the model's file is an argument" "$deeparc" predict --checkpoint "$model"
check_fails "a word like none" 2 "there is no option --xyzzyxyzzyxyzzy" $tiny --xyzzyxyzzyxyzzy
check_fails "a value is missing" 2 "needs a value" $tiny --rate
check_fails "an option instead of a value" 2 "needs a value" $tiny --rate --json
check_fails "a flag with a value" 2 "takes no value" $tiny --nesterov=yes
check_fails "an option twice" 2 "twice" $tiny --seed 1 --seed 2
check_fails "an empty value" 2 "empty" "$deeparc" train --model= --data digits
check_fails "an argument too many" 2 "unexpected argument 'more'" "$deeparc" hash "$model" more
check_fails "an argument is missing" 2 "MODEL is missing" "$deeparc" hash
check_fails "a required option is missing" 2 "--data D is missing" "$deeparc" eval "$model"
for value in 0 -1 1.5 1e3 x "" 99999999999999999999 " 5" 5x; do
    check_fails "--batch '$value'" 2 "--batch" $evaluate digits --batch "$value"
done
check_fails "training with batch 0" 2 "--batch" $tiny --batch 0
for value in -1 x nan inf 0x10 1e999 ""; do
    check_fails "--rate '$value'" 2 "--rate" $tiny --rate "$value"
done
check_fails "--epochs 0" 2 "--epochs" "$deeparc" train --model mlp-8 --data digits --epochs 0
check_fails "--threads 1000" 2 "--threads" $evaluate digits --threads 1000
check_fails "--kernels nonsense" 2 "--kernels" $evaluate digits --kernels nonsense
check_fails "unknown optimizer" 2 "sgd|adam|adamw" $tiny --optimizer lion
check_fails "momentum for adam" 2 "belong to sgd" $tiny --optimizer adam --momentum 0.5
check_fails "nesterov without momentum" 2 "--momentum" $tiny --nesterov --momentum 0
check_fails "decay of nothing" 2 "no effect without weight decay" $tiny --weight-decay 0 --decay weights
check_fails "a rate that trains nothing" 2 "would train nothing" $tiny --rate 0
check_fails "a rise without one-cycle" 2 "no effect" $tiny --schedule cosine --rise 0.2
check_fails "a low momentum without one-cycle" 2 "no effect" $tiny --schedule constant --low-momentum 0.8
check_fails "a low momentum above the other" 2 "above the momentum 0.8" $tiny --momentum 0.8 --low-momentum 0.85
check_fails "a low momentum for adam" 2 "above the momentum 0 of adam" $tiny --optimizer adam --low-momentum 0.85
check_fails "Winograd without a 3x3 convolution" 2 "no effect on mlp-8" $tiny --conv winograd
check_fails "Winograd for 5x5" 2 "no effect on lenet" $train --model lenet --data digits --conv winograd
check_fails "bench: Winograd without a 3x3 convolution" 2 "no effect on mlp" "$deeparc" bench --model mlp --quiet --conv winograd
check_fails "--data-dir for digits" 2 "--data-dir has no effect on 'digits'" $evaluate digits --data-dir "$work"
check_fails "--data-dir for a path" 2 "--data-dir has no effect on '$work'" $evaluate "$work" --data-dir "$work"
check_fails "import: --data-dir for digits" 2 "--data-dir has no effect" \
    "$deeparc" import "$model" --classes-from digits --data-dir "$work" --out "$work/x.safetensors"
check_fails "--version and more" 2 "stands alone" "$deeparc" --version --json
check_fails "a title without a page" 2 "no effect without --html" "$deeparc" sweep collect --dir "$work" --title T
check_fails "step-every without schedule step" 2 "no effect" $tiny --schedule cosine --step-every 3
check_fails "schedule step without step-every" 2 "needs --step-every" $tiny --schedule step
check_fails "milestones that descend" 2 "ascending" $tiny --schedule multi-step --milestones 3,2
check_fails "unknown augmentation" 2 "does not know 'spin'" $tiny --augment flip,spin
check_fails "augmentation that does not fit" 1 "" $tiny --augment crop99
check_fails "patience without validation" 2 "--validation" $tiny --patience 2
check_fails "validation of everything" 1 "" $tiny --validation 64
check_fails "resume without checkpoint" 2 "--checkpoint" $tiny --resume
check_fails "neither model nor file" 2 "--model NAME or --from FILE" $train --data digits
check_fails "model and file" 2 "contradict" $tiny --from "$model"
check_fails "shortcut of an mlp" 2 "only ResNets" $tiny --shortcut conv
check_fails "unknown model" 1 "lenet" $train --data digits --model lenett
check_fails "a ResNet that cannot be" 1 "" $train --data digits --model resnet21
check_fails "--input of a file" 2 "no effect" "$deeparc" summary "$model" --input 28x28x1
check_fails "--input nonsense" 2 "such as 32x32x3" "$deeparc" summary lenet --input 28x28
check_fails "input too small" 1 "" "$deeparc" summary lenet --input 4x4x1
check_fails "--normalize nonsense" 2 "--normalize" $evaluate digits --normalize cats
check_fails "--normalize with a deviation of 0" 2 "--normalize" $evaluate digits --normalize 0.5/0
check_fails "--normalize for other channels" 2 "3 channels" $evaluate digits --normalize imagenet
check_fails "unknown operation" 1 "" "$deeparc" gradcheck nonsense

# ---- Options that would do nothing. ----
for command in eval predict summary hash import data partition order stability report verify "sweep plan" "sweep collect" \
    gradcheck; do
    # shellcheck disable=SC2086
    check_fails "$command draws nothing" 2 "there is no option --seed" "$deeparc" $command --seed 2
done
check_fails "similarity: --seed on one pass" 2 "no effect on one pass" "$deeparc" similarity "$model" --data digits --seed 2
check "similarity: --seed on two passes" \
    "$deeparc" similarity "$model" --data digits --limit 64 --batch 32 --passes 2 --seed 2 --quiet
check_fails "restructure: --seed where units are named" 2 "no effect here" \
    "$deeparc" restructure "$model" --remove fc1 --seed 2 --out "$work/x.st"
check_fails "properties: --seed where nothing is drawn" 2 "no effect here" "$deeparc" properties "$model" --data digits \
    --controls 0 --attack-limit 0 --seed 2
check_fails "bench: --seed on kernels" 2 "no effect on the kernels" "$deeparc" bench --seed 2
loud="$deeparc train --model mlp-8 --data digits --limit 64 --test-limit 10 --epochs 1"
check_fails "a drop behind the end" 2 "no effect on a run of 1 epoch" $tiny --schedule step --step-every 3
check_fails "milestones behind the end" 2 "the drop after epoch 7 has no effect" $tiny --schedule multi-step --milestones 7
try $loud --schedule cosine --warmup 100
check_same "a warm-up that takes the whole run is told" "$(grep -c 'takes the whole run' "$work/err")" 1
try $loud --schedule cosine --warmup 1 --batch 8
check_same "... and a short one is not" "$status $(grep -c 'takes the whole run' "$work/err")" "0 0"

# ---- What can be refused without data is refused before they are read: here they are nowhere. ----
nowhere=$work/nowhere/x
early() { # early NAME STATUS TEXT COMMAND...
    name=$1 wanted=$2 text=$3; shift 3
    check_fails "before data: $name" "$wanted" "$text" "$@" --data "$nowhere"
}
out="--out $work/x.st"
early "eval: no such model" 1 "no.st" "$deeparc" eval "$work/no.st"
early "predict: no such model" 1 "no.st" "$deeparc" predict "$work/no.st" --out "$work/x.npy"
early "similarity: no such model" 1 "no.st" "$deeparc" similarity "$work/no.st"
early "similarity: no such model to compare with" 1 "no.st" "$deeparc" similarity "$model" --against "$work/no.st"
early "properties: no such model" 1 "no.st" "$deeparc" properties "$work/no.st"
early "properties: no share" 2 "--epsilon" "$deeparc" properties "$model" --epsilon many
early "properties: no such matrix" 1 "no.csv" "$deeparc" properties "$model" --similarity "$work/no.csv" --threshold 0.9 \
    --linkage min
early "restructure: no such unit" 1 "no unit 'fc9'" "$deeparc" restructure "$model" --remove fc9 $out
early "restructure: a unit that changes the shape" 1 "cannot be removed" "$deeparc" restructure "$model" --remove fc1 $out
early "restructure: no such matrix" 1 "no.csv" "$deeparc" restructure "$model" --similarity "$work/no.csv" \
    --threshold 0.9 --linkage min $out
early "retrain: no such unit" 1 "no unit 'fc9'" "$deeparc" retrain "$model" --units fc9 $out
early "retrain: a unit without parameters" 1 "'relu1' has no parameters" "$deeparc" retrain "$model" --units relu1 $out
early "retrain: options that contradict" 2 "belong to sgd" \
    "$deeparc" retrain "$model" --units fc1 --optimizer adam --nesterov $out
early "train: a way to convolve that does nothing" 2 "no effect on mlp-8" "$deeparc" train --model mlp-8 --conv winograd
early "train: no such network" 1 "lenet" "$deeparc" train --model lenett
early "train: no such file" 1 "no.st" "$deeparc" train --from "$work/no.st"
early "similarity: a pattern that matches nothing" 1 "no layer of 'mlp-8' matches 'layer9.*'" \
    "$deeparc" similarity "$model" --layers 'layer9.*'
early "similarity: sums of a network without blocks" 1 "no residual blocks" "$deeparc" similarity "$model" --tap sum
early "retrain: nothing to resume" 1 "x.st.partial" "$deeparc" retrain "$model" --units fc1 --resume $out
cp "$model" "$work/norun.st"
early "retrain: a checkpoint without a run" 1 "no training state" \
    "$deeparc" retrain "$model" --units fc1 --resume --checkpoint "$work/norun.st" $out
early "train: nothing to resume" 1 "x.st.partial" "$deeparc" train --model mlp-8 --resume $out
early "train: a checkpoint without a run" 1 "no training state" "$deeparc" train --model mlp-8 --resume --checkpoint "$model"
check "the run of another network" "$deeparc" train --model mlp-9 --data digits --limit 64 --test-limit 10 --epochs 1 \
    --checkpoint "$work/other.st" --quiet
early "retrain: the run of another network" 1 "does not fit mlp-8" \
    "$deeparc" retrain "$model" --units fc1 --resume --checkpoint "$work/other.st" $out
early "train: the run of another network" 1 "does not fit mlp-8" \
    "$deeparc" train --from "$model" --resume --checkpoint "$work/other.st"
early "train: --conv of an mlp from a file" 2 "--conv winograd has no effect" "$deeparc" train --from "$model" --conv winograd
early "train: options that contradict" 2 "no effect" "$deeparc" train --model mlp --schedule cosine --step-every 3
early "train: no such augmentation" 2 "does not know 'spin'" "$deeparc" train --model mlp --augment spin
early "sweep run: options that contradict" 2 "needs --validation" \
    "$deeparc" sweep run --dir "$work/sweep" --depth 8 --patience 2
check_fails "gradcheck: the second of two" 1 "no operation 'nonsense'" "$deeparc" gradcheck relu nonsense
check_same "... before the first is checked" "$(grep -c relu "$work/out")" 0

# ---- Data that are not there, or not what they seem. ----
check_fails "no such data set" 1 "neither a data set" $evaluate mnits
check_fails "no such folder" 1 "does not exist" $evaluate "$work/nowhere/x"
check_fails "set not found" 1 "fetch.sh cifar100" \
    env DEEPARC_DATA="$work" HOME="$work" $evaluate cifar100 --data-dir "$work"
mkdir "$work/empty"
check_fails "an empty folder" 1 "" $evaluate "$work/empty"

images=$work/idx/t10k-images-idx3-ubyte labels=$work/idx/t10k-labels-idx1-ubyte
mkdir "$work/idx"
idx() { # idx IMAGES LABELS: a set with headers for so many, and content for 2
    { idx_images "$1"; zeros 1568; } > "$images"
    { idx_labels "$2"; bytes 1 2; } > "$labels"
}
idx 2 2
check "a set of two images" $evaluate "$work/idx"
for command in eval predict similarity; do
    check_fails "$command: --split of one file" 2 "which is one file" "$deeparc" $command "$model" --data "$images" --split train
done
check_says "one file is no part" '"split": "file"' $evaluate "$images" --json
check "batch larger than the data" $evaluate "$work/idx" --batch 1000
idx 3 3; check_fails "IDX: truncated" 1 "" $evaluate "$work/idx"
idx 1 2; check_fails "IDX: bytes after the end" 1 "" $evaluate "$work/idx"
idx 2 2; { idx_labels 1; bytes 1; } > "$labels"; check_fails "IDX: counts differ" 1 "" $evaluate "$work/idx"
idx 2 2; { idx_labels 2; bytes 1 10; } > "$labels"; check_fails "IDX: label out of range" 1 "" $evaluate "$work/idx"
idx 0 0; check_fails "IDX: no images" 1 "" $evaluate "$work/idx"
idx 2147483647 2; check_fails "IDX: claims terabytes" 1 "" $evaluate "$work/idx"
idx 2 2; { bytes 0 0 8 3; be32 2147483647; be32 2147483647; be32 2147483647; } > "$images"
check_fails "IDX: claims more than memory" 1 "" $evaluate "$work/idx"
idx 2 2; { bytes 0 0 13 3; be32 2; be32 28; be32 28; zeros 1568; } > "$images"
check_fails "IDX: floats" 1 "" $evaluate "$work/idx"
idx 2 2; { bytes 0 0 8 3; be32 2; be32 14; be32 14; zeros 392; } > "$images"
check_fails "images of another size" 1 "28x28x1" $evaluate "$work/idx"
idx 2 2; bytes 0 0 8 > "$images"; check_fails "IDX: a header cut short" 1 "" $evaluate "$work/idx"
idx 2 2; : > "$images"; check_fails "IDX: an empty file" 1 "" $evaluate "$work/idx"
idx 2 2; rm "$labels"; check_fails "labels are missing" 1 "" $evaluate "$work/idx"

if command -v gzip > /dev/null; then
    idx 2 2; gzip < "$images" > "$images.gz"; rm "$images"
    check "gzip" $evaluate "$work/idx"
    cp "$images.gz" "$work/whole.gz"
    head -c 40 "$work/whole.gz" > "$images.gz"; check_fails "gzip: truncated" 1 "" $evaluate "$work/idx"
    { head -c 12 "$work/whole.gz"; bytes 255 255 255 255 255 255; tail -c +19 "$work/whole.gz"; } > "$images.gz"
    check_fails "gzip: corrupt" 1 "" $evaluate "$work/idx"
    { head -c $(($(wc -c < "$work/whole.gz") - 8)) "$work/whole.gz"; zeros 8; } > "$images.gz"
    check_fails "gzip: wrong checksum" 1 "" $evaluate "$work/idx"
    { cat "$work/whole.gz"; bytes 1 2 3; } > "$images.gz"
    check_fails "gzip: bytes after the end" 1 "" $evaluate "$work/idx"
    bytes 31 139 8 > "$images.gz"; check_fails "gzip: a header cut short" 1 "" $evaluate "$work/idx"
else
    skip "gzip" "there is no gzip"
fi

cifar=$work/cifar-10-batches-bin colour=$work/colour.safetensors
mkdir "$cifar"
{ bytes 3; zeros 3072; } > "$cifar/test_batch.bin"
for i in 1 2 3 4 5; do cp "$cifar/test_batch.bin" "$cifar/data_batch_$i.bin"; done
check "a network for colour" $train --model mlp-4 --data "$cifar" --out "$colour"
look="$deeparc eval $colour --quiet --data"
check "a set of one picture" $look "$cifar"
zeros 3000 > "$cifar/test_batch.bin"; check_fails "CIFAR: truncated" 1 "" $look "$cifar"
{ bytes 10; zeros 3072; } > "$cifar/test_batch.bin"; check_fails "CIFAR: label out of range" 1 "" $look "$cifar"
: > "$cifar/test_batch.bin"; check_fails "CIFAR: an empty file" 1 "" $look "$cifar"
rm "$cifar/test_batch.bin"; check_fails "CIFAR: a file is missing" 1 "" $look "$cifar"
check_fails "pictures for a network of digits" 1 "28x28x1" $evaluate "$cifar" --split train

# ---- Models. ----
file=$work/bad.safetensors
broken() { check_fails "safetensors: $1" 1 "bad.safetensors" "$deeparc" hash "$file"; }
check_fails "no such model" 1 "nothing.safetensors" "$deeparc" hash "$work/nothing.safetensors"
check_fails "a folder for a model" 1 "" "$deeparc" hash "$work"
: > "$file"; broken "an empty file"
bytes 1 2 3 > "$file"; broken "three bytes"
head -c 100 "$model" > "$file"; broken "cut in the header"
head -c $(($(wc -c < "$model") - 4)) "$model" > "$file"; broken "cut in the data"
{ cat "$model"; bytes 0; } > "$file"; broken "a byte too many"
bytes 255 255 255 255 255 255 255 127 > "$file"; broken "a header that claims exabytes"
bytes 0 0 0 0 0 1 0 0 > "$file"; broken "a header that claims a terabyte"
header() { { bytes $((${#1} % 256)) $((${#1} / 256)) 0 0 0 0 0 0; printf %s "$1"; zeros "$2"; } > "$file"; }
header '{"a":' 0; broken "half a JSON"
header '[1, 2]' 0; broken "a list"
header '{"a":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4]}}' 4; broken "a tensor that claims terabytes"
header '{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}' 0; broken "a shape that overflows"
header '{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}' 8; broken "a hole"
header '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' 4; broken "an unknown architecture"
header '{"conv1.weight":{"dtype":"F32","shape":[16,3,3,3],"data_offsets":[0,1728]}}' 1728
broken "a ResNet with most missing"

# Files that people have instead.
{ bytes 80 75 3 4; zeros 22; bytes 12 0 0 0; printf net/data.pkl; zeros 100; } > "$work/net.pth"
try "$deeparc" import "$work/net.pth" --out "$work/net.safetensors"
check_same "a .pth: status 1, a sentence and three lines of Python" "$status $(wc -l < "$work/err" | tr -d ' ')" "1 4"
check_same "... that read the file" "$(grep -c "torch.load(\"$work/net.pth\"" "$work/err")" 1
check_same "... and write another" "$(grep -c "}, \"$work/net.safetensors\")" "$work/err")" 1
{ bytes 147; printf 'NUMPY'; zeros 100; } > "$file"
check_fails "a .npy" 1 "no safetensors file but a NumPy array" "$deeparc" hash "$file"
check_fails "a text" 1 "no safetensors file but text" "$deeparc" hash "$root/README.md"
header '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}' 1
check_fails "a tensor named twice" 1 "two tensors are named 'a'" "$deeparc" hash "$file"

run=$work/run.safetensors
check "a checkpoint" $tiny --checkpoint "$run"
another="$train --data digits --checkpoint $run --resume"
check_fails "resume: another architecture, what is missing" 1 "missing: conv1.weight" $another --model resnet8
check_fails "resume: another architecture, what is unexpected" 1 "unexpected: fc1.bias" $another --model resnet8
check_fails "resume: other widths" 1 "of another shape: fc1.weight is 8x784, not 9x784" $another --model mlp-9
check_fails "resume: other options" 1 "" $tiny --checkpoint "$run" --resume --batch 7
check_fails "resume: no such file" 1 "absent.safetensors" $tiny --checkpoint "$work/absent.safetensors" --resume
check_fails "resume: --init" 2 "--init has no effect" $tiny --checkpoint "$run" --resume --init he
check_fails "resume: a model without a run" 1 "mlp.safetensors" $tiny --checkpoint "$model" --resume

part="$deeparc retrain $model --data digits --limit 64 --test-limit 10 --units fc2 --quiet --out $work/part.safetensors"
check "retraining with a checkpoint" $part --checkpoint "$run"
check "... resumed" $part --checkpoint "$run" --resume
check "another model" $tiny --seed 2 --out "$work/second.safetensors"
check_fails "retrain --resume: the checkpoint of another model" 1 "belongs to another model: 'fc1.weight' is frozen" \
    "$deeparc" retrain "$work/second.safetensors" --data digits --limit 64 --test-limit 10 --units fc2 --quiet \
    --out "$work/part.safetensors" --checkpoint "$run" --resume

# Resumed, a run draws no weights: the line that continues it has to do without --init.
rm -f "$run" "$work/log.csv"
"$deeparc" train --model mlp-8 --data digits --limit 640 --test-limit 10 --epochs 20000 --init xavier --quiet \
    --checkpoint "$run" --log "$work/log.csv" > "$work/out" 2> "$work/err" &
pid=$!
while [ ! -e "$work/log.csv" ] && kill -0 $pid 2> /dev/null; do :; done
kill -INT $pid 2> /dev/null
wait $pid
check_same "interrupted: the line to continue with" \
    "$(grep -c -e 'to continue: .*--epochs 20000 --quiet .*--resume' "$work/err")" 1

# ---- Normalisation, and numbers that are none. ----
header '{"fc1.weight":{"dtype":"F32","shape":[7,100],"data_offsets":[0,2800]},
 "fc1.bias":{"dtype":"F32","shape":[7],"data_offsets":[2800,2828]},
 "fc2.weight":{"dtype":"F32","shape":[3,7],"data_offsets":[2828,2912]},
 "fc2.bias":{"dtype":"F32","shape":[3],"data_offsets":[2912,2924]}}' 2924
check_fails "import: more channels than can be normalised" 2 "100 channels; 1 to 4" \
    "$deeparc" import "$file" --normalize none --out "$work/x.safetensors"
check_fails "import: a deviation that no reader takes" 2 "deviation of channel 0" \
    "$deeparc" import "$model" --quiet --normalize 0.5/1e-7 --out "$work/x.safetensors"
check "import: the smallest deviation" "$deeparc" import "$model" --normalize 0.5/1e-6 --out "$work/x.safetensors"
check "... is read again" "$deeparc" eval "$work/x.safetensors" --data digits --limit 5 --quiet
header '{"fc1.weight":{"dtype":"F32","shape":[1,784],"data_offsets":[0,3136]},
 "fc1.bias":{"dtype":"F32","shape":[1],"data_offsets":[3136,3140]},
 "fc2.weight":{"dtype":"F32","shape":[10,1],"data_offsets":[3140,3180]},
 "fc2.bias":{"dtype":"F32","shape":[10],"data_offsets":[3180,3220]}}' 3216
bytes 0 0 192 127 >> "$file" # the last bias is NaN
check_says "logits that are not numbers: none is correct" "(0 of 20)" \
    "$deeparc" eval "$file" --data digits --limit 20 --normalize none
check_same "... and a note says how many" "$(grep -c '20 of 20 images have logits that are not numbers' "$work/err")" 1

# ---- Matrices. ----
csv=$work/m.csv
cut() { check_fails "CSV: $1" "$2" "$3" "$deeparc" partition --similarity "$csv" --threshold 0.9 --linkage min; }
cut "missing" 1 "m.csv"
: > "$csv"; cut "empty" 1 "m.csv"
printf '1,0.5\n0.5\n' > "$csv"; cut "ragged" 1 "m.csv"
printf '1,x\nx,1\n' > "$csv"; cut "words" 1 "m.csv"
printf '1,nan\nnan,1\n' > "$csv"; cut "nan" 1 ""
printf '1,0.5,0.5\n0.5,1,0.5\n' > "$csv"; cut "not square" 1 ""
printf '1,0.5\n0.6,1\n' > "$csv"; cut "not symmetric" 1 ""
bytes 0 1 2 3 255 254 > "$csv"; cut "binary" 1 "m.csv"
printf '1,0.5\n0.5,1\n' > "$csv"
check "CSV: two layers" "$deeparc" partition --similarity "$csv" --threshold 0.9 --linkage min
check_fails "threshold 2" 2 "" "$deeparc" partition --similarity "$csv" --threshold 2 --linkage min
check_fails "threshold nan" 2 "" "$deeparc" partition --similarity "$csv" --threshold nan --linkage min
check_fails "unknown linkage" 2 "" "$deeparc" partition --similarity "$csv" --threshold 0.9 --linkage median

# ---- Names that would steer a terminal. ----
tame() { # tame NAME STATUS COMMAND...: says the name with \x1b, and no byte on the terminal that is no text
    name=$1 wanted=$2; shift 2
    try "$@"
    cat "$work/out" "$work/err" > "$work/all"
    sed "s/$(printf '\357\277\275')//g" "$work/all" > "$work/marks" # what JSON has in place of a byte that is no text
    rest=$(LC_ALL=C tr -d '\n\t -~' < "$work/marks" | wc -c | tr -d ' ')
    if [ $status -ne "$wanted" ] || [ "$rest" != 0 ]; then bad "$name" "status $status: $(cat -v "$work/all")"
    elif ! grep -e '\\x1b\[31m' -e '\\u001b\[31m' "$work/all" > /dev/null; then bad "$name" "$(cat "$work/all")"
    else good "$name"; fi
}
red=$(printf '\033[31m\302\233\233') # as bytes, as U+009B, and as the byte 9B alone
printf '%s,b\n1,0.5\n0.5,1\n' "$red" > "$csv"
for command in partition order; do
    tame "$command: names of a CSV" 0 env LC_ALL=C "$deeparc" $command --similarity "$csv" --threshold 0.4 --linkage min
    tame "$command: names of a CSV, as JSON" 0 \
        env LC_ALL=C "$deeparc" $command --similarity "$csv" --threshold 0.4 --linkage min --json
done
tame "a file's name" 1 "$deeparc" hash "$work/$red"
tame "a command" 2 "$deeparc" "$red"
tame "a word behind --version" 2 "$deeparc" --version "$red"
tame "an option" 2 "$deeparc" hash "--$red"
tame "a value" 2 $evaluate digits --batch "$red"
tame "an architecture" 1 $train --data digits --model "$red"
header '{"\u001b[31mfc.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' 4
tame "a tensor's name" 1 "$deeparc" hash "$file"
mkdir "$work/$red"
check "a model in such a folder" cp "$model" "$work/$red/m"
tame "a folder's name" 0 "$deeparc" predict "$model" --data digits --limit 5 --out "$work/$red/l.npy"
tame "a unit that is not there" 1 "$deeparc" retrain "$model" --data digits --limit 64 --units "$red" --out "$work/x.st"

# The first of LC_ALL, LC_CTYPE and LANG that says anything decides what a picture is drawn with.
printf '1,0.5\n0.5,1\n' > "$csv"
drawn() {
    env "$@" "$deeparc" partition --similarity "$csv" --threshold 0.9,0.4 --linkage min |
        LC_ALL=C tr -d '\n\t -~' | wc -c
}
[ "$(drawn LC_ALL=C.UTF-8 LC_CTYPE=C LANG=C)" -gt 0 ] && good "LC_ALL says UTF-8" || bad "LC_ALL" "is not heard"
check_same "LC_ALL outranks LANG" "$(drawn LC_ALL=C LC_CTYPE= LANG=en_US.UTF-8 | tr -d ' ')" 0
check_same "LC_CTYPE outranks LANG" "$(drawn LC_ALL= LC_CTYPE=C LANG=en_US.UTF-8 | tr -d ' ')" 0

# ---- Places that cannot be written. ----
: > "$work/file"
there=$work/file/below
check_fails "train --out" 1 "below" $tiny --out "$there"
check_fails "train --checkpoint" 1 "below" $tiny --checkpoint "$there"
check_fails "train --log" 1 "below" $tiny --log "$there"
check_fails "predict --out" 1 "below" "$deeparc" predict "$model" --data digits --limit 5 --quiet --out "$there"
check_fails "import --out" 1 "below" "$deeparc" import "$model" --quiet --out "$there"
check_fails "a folder that is not there" 1 "absent" $tiny --out "$work/absent/model.safetensors"
check_fails "a folder" 1 "" $tiny --out "$work"
if [ -c /dev/full ]; then
    check_fails "full disk: --out" 1 "/dev/full" $tiny --out /dev/full
    check_fails "full disk: --log" 1 "/dev/full" $tiny --log /dev/full
    check_fails "full disk: --checkpoint" 1 "/dev/full" $tiny --checkpoint /dev/full
    check_fails "full disk: predict" 1 "/dev/full" \
        "$deeparc" predict "$model" --data digits --limit 5 --quiet --out /dev/full
    for line in "--help" "--version" "train --help" "hash $model" "hash $model --json" "summary lenet"; do
        # shellcheck disable=SC2086
        check_fails "full disk: $line" 1 "standard output" sh -c "\"$deeparc\" $line > /dev/full"
    done
else
    skip "full disk" "there is no /dev/full"
fi
check_same "nothing is left behind" "$(find "$work" -name '*.part-*' | wc -l | tr -d ' ')" 0
finish
