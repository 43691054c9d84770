#!/bin/sh
# Files the program reads and writes: which may be the same, which have no end, and how its sentences name them.
. "$(dirname "$0")/library.sh"

tiny="$deeparc train --model mlp-8 --data digits --limit 64 --test-limit 10 --epochs 1 --quiet"
model=$work/model.safetensors other=$work/other
check "a model to work with" $tiny --out "$model"
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
check "a device may serve twice" $tiny --log /dev/null --record /dev/null

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

# ---- No more memory than the data ask for. ----
check_says "similarity: the batch is at most the data" '"batch": 12,' \
    "$deeparc" similarity "$model" --data digits --limit 12 --batch 65536 --json
check_fails "a batch of one before a batch norm of one pixel" 1 "33 images in batches of 32" \
    "$deeparc" train --model vgg11 --data digits --limit 33 --batch 32 --test-limit 10 --epochs 1 --quiet
finish
