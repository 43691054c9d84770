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
