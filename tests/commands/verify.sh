#!/bin/sh
# deeparc verify: a folder of records whose files are there, changed, missing, damaged.
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
check_says "all is as recorded" " 0 faults" "$deeparc" verify "$dir"
check_same "every file has its row" "$(grep -c '^ok ' "$work/out")" 6
cp -r "$dir" "$work/moved"
echo >> "$dir/log.csv"
check_fails "a file that changed" 1 "1 of 6" "$deeparc" verify "$dir"
check_same "... is named" "$(grep -c '^changed .*log.csv' "$work/out")" 1
rm "$dir/s.csv"
check_fails "a file that is gone" 1 "2 of 6" "$deeparc" verify "$dir"
check_same "... is named" "$(grep -c '^missing .*s.csv' "$work/out")" 1
printf 'x' | dd of="$dir/m.safetensors" bs=1 seek=3000 conv=notrunc 2> /dev/null
check_fails "a damaged model" 1 "of 6" "$deeparc" verify "$dir" --json

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
check_says "data as recorded" "4 files and models compared, 0 faults" "$deeparc" verify "$work/of"
{ idx_images 8; head -c 6271 /dev/zero; bytes 1; } | gzip > "$images"
check_fails "data that changed" 1 "1 of 4" "$deeparc" verify "$work/of"
check_same "... are named" "$(grep -c '^changed  *data .*images' "$work/out")" 1

mkdir "$work/old"
echo '{"command": "eval", "run": {"version": "0.1.0", "seed": 1}}' > "$work/old/eval.json"
check_says "a record of version 0.1.0" "1 record of an older version" "$deeparc" verify "$work/old"
check_fails "a folder without records" 1 "no record" "$deeparc" verify "$work/nothing"
finish
