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
mkdir "$work/old"
echo '{"command": "eval", "run": {"version": "0.1.0", "seed": 1}}' > "$work/old/eval.json"
check_says "a record of version 0.1.0" "1 record of an older version" "$deeparc" verify "$work/old"
check_fails "a folder without records" 1 "no record" "$deeparc" verify "$work/nothing"
finish
