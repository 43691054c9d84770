#!/bin/sh
# Files the program reads and writes: which may be the same, which have no end, and how its sentences name them.
. "$(dirname "$0")/library.sh"

tiny="$deeparc train --model mlp-8 --data digits --limit 64 --test-limit 10 --epochs 1 --quiet"
model=$work/model.safetensors other=$work/other
check "a model to work with" $tiny --out "$model"
residual=$work/residual
check "one with blocks" "$deeparc" train --model resnet14x0.25 --data digits --limit 20 --test-limit 10 --epochs 1 \
    --quiet --out "$residual"
once() { check_same "$1: its name stands there once" "$(grep -c "^deeparc $1: $1: " "$work/err")" 0; }

# ---- Every result has a file of its own. ----
check_fails "--out and --checkpoint" 2 "--out and --checkpoint both name" $tiny --out "$other" --checkpoint "$other"
check_fails "--checkpoint and --log" 2 "both name" $tiny --checkpoint "$other" --log="$other"
check_fails "--log and --record" 2 "both name" $tiny --log "$other" --record "$other"
ln -s "$model" "$work/link"
check_fails "--out through a link" 2 "both name" $tiny --out "$work/link" --record "$model"
check_fails "similarity: --out and --record" 2 "both name" \
    "$deeparc" similarity "$model" --data digits --out "$other" --record "$other"
check_same "nothing was written" "$(find "$work" -name 'other*' | wc -l | tr -d ' ')" 0

# ---- ... which is none of those that are read, whatever it is called. ----
cp "$model" "$work/source"
keeps() { # keeps NAME TEXT COMMAND...: refused, and the model is as it was
    name=$1 text=$2; shift 2
    check_fails "$name" 2 "$text" "$@" --quiet
    cmp -s "$model" "$work/source" || bad "$name" "the input was replaced"
}
few="--data digits --limit 32"
keeps "eval --record its model" "--record would replace '$model', which is read as MODEL" \
    "$deeparc" eval "$model" $few --record "$model"
keeps "predict --out its model" "read as MODEL" "$deeparc" predict "$model" $few --out "$model"
keeps "import --out its file" "read as FILE" "$deeparc" import "$model" --normalize none --out "$model"
for option in out errors dominant png svg record state; do
    keeps "similarity --$option its model" "--$option would replace" \
        "$deeparc" similarity "$model" $few --layers all --$option "$model"
done
keeps "similarity --out the other model" "read as --against" \
    "$deeparc" similarity "$work/source" $few --against "$model" --out "$model"
keeps "retrain --out its model" "--out would replace" "$deeparc" retrain "$model" $few --units fc2 --out "$model"
for option in log checkpoint record; do
    keeps "retrain --$option its model" "--$option would replace" \
        "$deeparc" retrain "$model" $few --units fc2 --out "$other" --$option "$work/./model.safetensors"
done
for option in out log checkpoint record; do
    keeps "train --$option its start" "read as --from" "$deeparc" train --from "$model" $few --$option "$model"
done
for option in csv html record; do
    keeps "properties --$option its model" "--$option would replace" \
        "$deeparc" properties "$model" $few --$option "$model"
done
keeps "restructure --out its model" "read as MODEL" "$deeparc" restructure "$model" --remove fc1 --out "$model"
keeps "through a link" "read as MODEL" "$deeparc" eval "$model" $few --record "$work/link"
ln "$model" "$work/second"
keeps "through a second name" "read as MODEL" "$deeparc" eval "$model" $few --record "$work/second"
rm "$work/second"

matrix=$work/s.csv
printf '1,0.99\n0.99,1\n' > "$matrix"
check_fails "restructure --out its matrix" 2 "read as --similarity" \
    "$deeparc" restructure "$model" --similarity "$matrix" --out "$matrix"
check_fails "partition --record its matrix" 2 "read as --similarity" \
    "$deeparc" partition --similarity "$matrix" --record "$matrix"
check_fails "partition --record its names" 2 "read as --names" \
    "$deeparc" partition --similarity "$matrix" --names "$work/n.json" --record "$work/n.json"
echo '{"names": ["a", "b"]}' > "$work/s.json"
check_fails "partition --record the names beside its matrix" 2 "read as --names" \
    "$deeparc" partition --similarity "$matrix" --record "$work/./s.json"
check_fails "order --record the names beside its matrix" 2 "read as --names" \
    "$deeparc" order --similarity "$matrix" --record "$work/s.json"
check_fails "restructure --out the names beside its matrix" 2 "read as --names" \
    "$deeparc" restructure "$residual" --similarity "$matrix" --out "$work/s.json"
check_same "... which are as they were" "$(cat "$work/s.json")" '{"names": ["a", "b"]}'
rm "$work/s.json"
check_fails "order --record its matrix" 2 "read as --similarity" \
    "$deeparc" order --similarity "$matrix" --record "$matrix"
check_fails "properties --csv its matrix" 2 "read as --similarity" \
    "$deeparc" properties "$model" $few --similarity "$matrix" --csv "$matrix"
cp "$matrix" "$work/t.csv"
check_fails "stability --record one of its matrices" 2 "read as C.csv" \
    "$deeparc" stability "$matrix" "$matrix" "$matrix" "$work/t.csv" --record "$work/t.csv"
mkdir "$work/results" "$work/results/runs"
check "a record in a directory" $tiny --record "$work/results/train.json"
check_fails "report --out one of its records" 2 "read as DIR" \
    "$deeparc" report "$work/results" --out "$work/results/train.json"
check "report --out a page beside them" "$deeparc" report "$work/results" --out "$work/results/report.html" --quiet
check "... and again" "$deeparc" report "$work/results" --out "$work/results/report.html" --quiet
for name in plan.txt runs/x.json; do
    check_fails "sweep collect --csv $name of the sweep" 2 "read as --dir" \
        "$deeparc" sweep collect --dir "$work/results" --csv "$work/results/$name"
done

# ---- Names that are not there yet, and names that follow from others. ----
check_fails "one name in two spellings" 2 "--out and --log both name" $tiny --out "$work/new" --log "$work/./new"
check_fails "... through a directory" 2 "both name" $tiny --out "$work/new" --log "$work/results/../new"
check_fails "--log OUT.partial" 2 "--log and --out (its .partial) both name" \
    $tiny --out "$other" --log "$other.partial"
check "... of a run that has a checkpoint of its own" \
    $tiny --out "$work/own" --checkpoint "$work/own.partial"
check_same "still nothing was written" "$(find "$work" -name 'other*' -o -name 'new*' | wc -l | tr -d ' ')" 0
check "a device may serve twice" $tiny --log /dev/null --record /dev/null

# ---- A file beside the result costs nothing of it. ----
if [ -c /dev/full ]; then
    # spares NAME TEXT COMMAND...: the command fails with one sentence, its other results are there
    spares() {
        what=$1 line=$2; shift 2
        check_fails "$what" 1 "cannot write '/dev/full'" "$@"
        check_same "... and its result is there" "$(grep -c -e "$line" "$work/out")" 1
    }
    spares "train --record" "^accuracy" $tiny --out "$work/spared" --record /dev/full
    check "... saved" "$deeparc" hash "$work/spared"
    spares "retrain --record" "^accuracy" \
        "$deeparc" retrain "$model" $few --quiet --units fc2 --out "$work/spared2" --record /dev/full
    check "... saved" "$deeparc" hash "$work/spared2"
    spares "eval --record" "^accuracy" "$deeparc" eval "$model" $few --quiet --record /dev/full
    spares "similarity --errors" "modularity" "$deeparc" similarity "$model" $few --quiet --layers all \
        --errors /dev/full --record "$work/spared3"
    check "... saved" test -s "$work/spared3"
    spares "similarity --svg" "modularity" "$deeparc" similarity "$model" $few --quiet --layers all --svg /dev/full
    spares "partition --record" "modularity" "$deeparc" partition --similarity "$matrix" --record /dev/full
    spares "order --record" "its last layer" "$deeparc" order --similarity "$matrix" --threshold 0.5 --record /dev/full
    spares "stability --record" "2 matrices" "$deeparc" stability "$matrix" "$work/t.csv" --record /dev/full
    spares "restructure --record" "^removed" "$deeparc" restructure "$residual" --remove layer1.1 \
        --out "$work/spared4" --record /dev/full
    check "... saved" "$deeparc" hash "$work/spared4"
    check_fails "with --json too" 1 "cannot write '/dev/full'" \
        "$deeparc" eval "$model" $few --json --quiet --record /dev/full
    check_same "... and its result is there" "$(grep -c '"accuracy"' "$work/out")" 1
else
    skip "files beside the result" "there is no /dev/full"
fi
check "nothing is saved" "$deeparc" train --model mlp-8 $few --epochs 1
check_same "... which a note says" "$(grep -c 'was not saved: --out FILE' "$work/err")" 1
: > "$work/spared.part-999999999-0"
check "what a killed process has left goes" $tiny --out "$work/spared"
check_same "..." "$(find "$work" -name '*.part-*' | wc -l | tr -d ' ')" 0

# ---- Files without end. ----
if [ -c /dev/zero ]; then
    check_fails "a model without end" 1 "copy it to a file" "$deeparc" hash /dev/zero
    check_fails "a matrix without end" 1 "/dev/zero" "$deeparc" partition --similarity /dev/zero
else
    skip "files without end" "there is no /dev/zero"
fi

# ---- One file of images is not a training and a test set. ----
images=$work/t10k-images-idx3-ubyte
{ idx_images 8; zeros 6272; } > "$images"
{ idx_labels 8; bytes 0 1 2 3 4 5 6 7; } > "$work/t10k-labels-idx1-ubyte"
check_fails "the images are kept" 2 "read as the data" \
    "$deeparc" eval "$model" --data "$images" --record "$images" --quiet
check_fails "... and their labels" 2 "read as the data" \
    "$deeparc" eval "$model" --data "$images" --record "$work/t10k-labels-idx1-ubyte" --quiet
mkdir "$work/data" "$work/data/mnist"
for part in train t10k; do
    cp "$images" "$work/data/mnist/$part-images-idx3-ubyte"
    cp "$work/t10k-labels-idx1-ubyte" "$work/data/mnist/$part-labels-idx1-ubyte"
done
check_fails "... of a set that is named" 2 "read as the data" "$deeparc" train --model mlp-8 --data mnist \
    --data-dir "$work/data" --out "$work/data/mnist/train-images-idx3-ubyte" --quiet
check_says "eval reads one file" "of 8" "$deeparc" eval "$model" --data "$images"
check_says "similarity reads one file" "8 images" "$deeparc" similarity "$model" --data "$images"
check_fails "train: one file" 2 "cannot both train and test" \
    "$deeparc" train --model mlp-8 --data "$images" --epochs 1 --quiet
check_fails "retrain: one file" 2 "cannot both train and test" \
    "$deeparc" retrain "$model" --units fc1 --data "$images" --quiet --out "$other"
printf '1,0.99,0.9\n0.99,1,0.9\n0.9,0.9,1\n' > "$work/m.csv"
check_fails "restructure: one file" 2 "cannot both train and test" \
    "$deeparc" restructure "$model" --similarity "$work/m.csv" --data "$images" --quiet --out "$other"

# ---- Sentences. ----
check_fails "the option is parted from its value" 2 "--kernels: " $tiny --kernels nonsense
printf '1,2\n2,1\n' > "$work/bad.csv"
check_fails "the file is parted from what is wrong" 1 "bad.csv': similarity" \
    "$deeparc" partition --similarity "$work/bad.csv"
check_fails "similarity of three images" 1 "deeparc similarity: " \
    "$deeparc" similarity "$model" --data digits --limit 3 --quiet
once similarity
check "another normalisation" "$deeparc" eval "$model" --data digits --limit 10 --normalize none
check_same "... is noted" "$(grep -c 'replaces the normalisation' "$work/err")" 1

# ---- Who reads what is printed may go away. ----
# gone STREAM COMMAND...: the status, with that stream a pipe that nobody reads.
gone() {
    stream=$1; shift
    # shellcheck disable=SC2016
    case $stream in
    stderr) sh -c 'to=$1; shift; sleep 0.2; "$@" > "$to/out"; echo $? > "$to/ended"' sh "$work" "$@" 2>&1 > "$work/nothing" | true ;;
    stdout) sh -c 'to=$1; shift; sleep 0.2; "$@" 2> "$to/err"; echo $? > "$to/ended"' sh "$work" "$@" | true ;;
    esac
    while [ ! -s "$work/ended" ]; do sleep 0.1; done
    status=$(cat "$work/ended")
    rm "$work/ended"
}
# results NAME FILES COMMAND...: the files are there whatever nobody reads; a training is saved where it was stopped.
results() {
    name=$1 files=$2; shift 2
    for stream in stderr stdout; do
        for file in $files; do rm -f "$work/$file" "$work/$file.partial"; done
        gone $stream "$@"
        wanted=141 left=
        [ $stream = stdout ] || wanted=0
        [ -e "$work/x.st.partial" ] && wanted=1 left=.partial
        check_same "$name, nobody reads $stream: status" "$status" "$wanted"
        for file in $files; do
            if [ -s "$work/$file$left" ]; then good "$name, nobody reads $stream: $file"
            else bad "$name, nobody reads $stream" "$file is not there"; fi
        done
    done
}
some="--data digits --limit 64 --batch 16"
results eval x.json "$deeparc" eval "$residual" $some --record "$work/x.json"
results predict x.npy "$deeparc" predict "$residual" $some --out "$work/x.npy"
results similarity "x.csv x.json" "$deeparc" similarity "$residual" $some --out "$work/x.csv" --record "$work/x.json"
results properties "y.csv y.html" "$deeparc" properties "$residual" $some --test-limit 16 --attack-limit 0 --controls 1 \
    --threshold 0 --among anywhere --most 1 --csv "$work/y.csv" --html "$work/y.html"
results restructure x.st "$deeparc" restructure "$residual" --remove layer1.1 --out "$work/x.st"
results import x.st "$deeparc" import "$residual" --out "$work/x.st"
results train x.st "$deeparc" train --model mlp-8 $some --test-limit 10 --epochs 1 --out "$work/x.st"
results retrain x.st "$deeparc" retrain "$residual" --units linear $some --test-limit 10 --epochs 1 --out "$work/x.st"
gone stderr "$deeparc" train --model mlp-8 $some --test-limit 10 --epochs 1
check_same "a training that could not be saved goes on to its result" "$status $(grep -c '^sha256:' "$work/out")" "0 1"

# ---- No more memory than the data ask for. ----
check_says "similarity: the batch is at most the data" '"batch": 12,' \
    "$deeparc" similarity "$model" --data digits --limit 12 --batch 65536 --json
check_fails "a batch of one before a batch norm of one pixel" 1 "33 images in batches of 32" \
    "$deeparc" train --model vgg11 --data digits --limit 33 --batch 32 --test-limit 10 --epochs 1 --quiet
finish
