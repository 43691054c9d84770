#!/bin/sh
# Data sets and matrices as files: known by what they hold, in any spelling, packed or not.
. "$(dirname "$0")/library.sh"

model=$work/model.safetensors
check "a model to work with" "$deeparc" train --model mlp-8 --data digits --limit 64 --test-limit 10 --epochs 1 \
    --quiet --out "$model"

# ---- An image file and the label file beside it, each packed or not. ----
images() { idx_images 8; zeros 6272; }
labels() { idx_labels 8; bytes 0 1 2 3 4 5 6 7; }
for pair in "-idx3-ubyte -idx1-ubyte.gz" ".idx3-ubyte -idx1-ubyte" "-idx3-ubyte.gz .idx1-ubyte.gz" \
    "-idx3-ubyte.gz .idx1-ubyte"; do
    folder=$work/beside$passed
    mkdir "$folder"
    i=$folder/t10k-images${pair% *} l=$folder/t10k-labels${pair#* }
    case $i in *.gz) images | gzip > "$i" ;; *) images > "$i" ;; esac
    case $l in *.gz) labels | gzip > "$l" ;; *) labels > "$l" ;; esac
    check_says "labels$pair" "of 8" "$deeparc" eval "$model" --data "$i"
done

# ---- Which sets are there. ----
mkdir "$work/some" "$work/some/fashion"
for part in train t10k; do
    images > "$work/some/fashion/$part-images-idx3-ubyte"
    labels > "$work/some/fashion/$part-labels-idx1-ubyte"
done
check_says "data: a folder of own files" "of no known set" "$deeparc" data "$work/some/fashion"
check_same "... has a neutral name" "$(grep -c '^idx  *t[erainst]*  *8 images of 28x28x1 ' "$work/out")" 2
check_fails "... and is not as published" 1 "2 of 2 parts are not as published" \
    "$deeparc" data "$work/some/fashion" --verify
check_says "data: one file" "idx            file " "$deeparc" data "$work/some/fashion/t10k-images-idx3-ubyte"
rm "$work/some/fashion/train-labels-idx1-ubyte"
check_says "data: a part that lacks a file" "lacks train-labels-idx1-ubyte" "$deeparc" data "$work/some/fashion"
check_fails "data: nothing of that name" 1 "neither a data set" "$deeparc" data svhn
check_fails "data: a set that is not there" 1 "datasets/fetch.sh cifar100" \
    env DEEPARC_DATA= "$deeparc" data cifar100 --data-dir "$work/some"
check_says "data: those that are not there" "cifar100" env DEEPARC_DATA= "$deeparc" data --data-dir "$work/some"
check "data: drawn digits pass" "$deeparc" data digits --verify
check_fails "data: --data-dir of a set that is drawn" 2 "--data-dir has no effect on 'digits'" \
    "$deeparc" data digits --data-dir "$work"
check_says "data --json" '"content": "of no known set"' "$deeparc" data "$work/some/fashion" --json
mkdir "$work/some/mnist"
cp "$work/some/fashion/"t10k* "$work/some/mnist"
check "a set asked for by name keeps it" "$deeparc" eval "$model" --data mnist --data-dir "$work/some"
check_same "... and is said not to be the published one" \
    "$(grep -c '^mnist test: .*, not the published file: t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte$' "$work/err")" 1
# The content of real files, behind any name.
if "$deeparc" data fashion-mnist --verify > "$work/real" 2> /dev/null; then
    source=$(sed -n 's/.*(\(.*\))$/\1/p' "$work/real" | head -n 1)
    case $source in /*) ;; *) source=$PWD/$source ;; esac
    mkdir "$work/FashionMNIST" "$work/mnist"
    ln -s "$source" "$work/FashionMNIST/raw"
    ln -s "$source" "$work/mnist/mnist"
    for folder in "$work/FashionMNIST/raw" "$work/mnist/mnist"; do
        check_says "Fashion-MNIST behind ${folder#"$work"/}" "fashion-mnist  train" "$deeparc" data "$folder" --verify
        check_same "... with one fingerprint" "$(sha < "$work/out")" "$(sha < "$work/real")"
    done
    check_says "Fashion-MNIST in ." "fashion-mnist  test" sh -c "cd '$work/FashionMNIST/raw' && '$deeparc' data ."
    check_fails "Fashion-MNIST is no mnist" 1 "is of fashion-mnist, not of mnist" \
        "$deeparc" eval "$model" --data mnist --data-dir "$work/mnist" --quiet
    head -c 5000 "$source/t10k-images-idx3-ubyte.gz" > "$work/cut.gz" 2> /dev/null
    if [ -s "$work/cut.gz" ]; then check_fails "half a file" 1 "too early" "$deeparc" data "$work/cut.gz"; fi
else
    skip "Fashion-MNIST behind other names" "it is not here"
fi

# ---- gzip: what is behind it, and what is wrong inside. ----
{ images | gzip; zeros 512; } > "$work/padded-images.gz"
check "zeros behind a gzip file are padding" "$deeparc" predict "$model" --data "$work/padded-images.gz" \
    --out "$work/logits.npy"
{ images | gzip; bytes 7; } > "$work/more-images.gz"
check_fails "other bytes are not" 1 "not the beginning of a gzip member" \
    "$deeparc" predict "$model" --data "$work/more-images.gz" --out "$work/logits.npy" --quiet

# ---- A matrix whose names stand behind a #, as NumPy writes them. ----
printf '# layer1.0,layer1.1,layer1.2\n1,0.99,0.9\n0.99,1,0.9\n0.9,0.9,1\n' > "$work/m.csv"
check_says "the mark of a comment is no part of a name" "layer1.0 layer1.1 layer1.2" \
    "$deeparc" partition --similarity "$work/m.csv" --threshold 0.5
check_same "no layer begins a stage by it" "$(grep -c 'begins a stage' "$work/out")" 0
finish
