#!/bin/sh
# Curves of removed and repeated blocks: what is printed, saved, refused; Ctrl-C leaves nothing behind.
. "$(dirname "$0")/library.sh"

drawn="--data digits --quiet" model=$work/model.safetensors
# shellcheck disable=SC2086
check_says "train a resnet" "sha256:" "$deeparc" train --model resnet20x0.25 $drawn --limit 320 --test-limit 64 \
    --epochs 1 --out "$model"
matrix=$work/cka.csv
blocks_alike() { # layers 0-2 alike, 6-8 alike, the rest alone
    awk 'BEGIN { for (i = 0; i < 9; i++) { for (j = 0; j < 9; j++) {
        a = int(i / 3); b = int(j / 3); s = i == j ? 1 : a == b && a != 1 ? 0.97 : 0.5
        printf "%s%s", s, j < 8 ? "," : "\n" } } }'
}
blocks_alike > "$matrix"
short="--limit 40 --test-limit 40 --attack-limit 8 --steps 2 --batch 20"
# shellcheck disable=SC2086
run() { "$deeparc" properties "$model" $drawn $short "$@"; }

check_says "removal" "inside minus controls" run --similarity "$matrix" --controls 2 --csv "$work/curves.csv" \
    --html "$work/page.html" --record "$work/record.json"
cp "$work/out" "$work/text"
for part in "2 openers of modules stay" "0 blocks of the order change the shape" "2 of 255; PGD takes 2 steps" \
    "ridge probe" "layer3.1" "inside modules or not, seed 1"; do
    check_says "it says '$part'" "$part" cat "$work/text"
done
check_same "a line a network, and the names" "$(wc -l < "$work/curves.csv" | tr -d ' ')" 17
check_same "the order is Algorithm 2's" "$(grep '^inside' "$work/curves.csv" | cut -d, -f4 | tr '\n' ' ')" \
    " layer1.2 layer1.1 layer3.2 layer3.1 "
check_says "the record has the setting" '"epsilon": 0.00784313725490196' cat "$work/record.json"
check_says "the page has curves" "<svg" cat "$work/page.html"
curves() { run --similarity "$matrix" --controls 2 --csv "$work/again.csv" "$@" > /dev/null && cat "$work/again.csv"; }
p_of() { sed -n '/"p_values"/,/}/s/.*"accuracy": \([0-9.]*\).*/\1/p' "$work/record.json"; }
check_same "a p-value of two controls is 1, 2 or 3 of 3" "$(p_of | grep -cE '^(1|0.333.*|0.666.*)$')" 1
check_same "... the same in the table" "$(sed -n 's/^p,,,,\([0-9.]*\),.*/\1/p' "$work/curves.csv")" "$(p_of)"
check_same "... and the text" "$(awk '$1 == "accuracy" && $2 ~ /^[-+]/ { printf "%.2f", $NF }' "$work/text")" \
    "$(p_of | awk '{ printf "%.2f", $1 }')"
check_says "... and on the page" ">p</th>" cat "$work/page.html"
check_says "controls of the same stages" "each of the stage of the one inside" \
    run --similarity "$matrix" --controls 2 --among stages --csv "$work/stages.csv"
check_same "... block for block" "$(grep -E '^anywhere,[12],[1-4]' "$work/stages.csv" | cut -d, -f4 | cut -c1-6 | tr '\n' ' ')" \
    "layer1 layer1 layer3 layer3 layer1 layer1 layer3 layer3 "
check_same "one seed, one result on any number of threads" "$(curves --threads 3)" "$(cat "$work/curves.csv")"
run --similarity "$matrix" --controls 1 --html "$work/one.html" > "$work/text"
check_same "one control has no spread" "$(awk '$3 == "%" && $4 == "layer1.2" { print $7; exit }' "$work/text")" -
check_same "... and the page no NaN" "$(grep -ci '[> (]-*nan\b' "$work/one.html")" 0
check_says "repetition, outside as far as there are blocks" '"controls_pool": 2' run --similarity "$matrix" \
    --edit repeat --among outside --controls 2 --json
check_says "it measures the similarity itself" "9 layers in 1 module" run --threshold 0 --most 1 --controls 1

# ---- A network that has no gradient: the same file without what it says of itself, all its numbers 0. ----
flat=$work/flat.safetensors header=$(od -An -t u8 -N 8 "$model" | tr -d ' ')
head -c $((8 + header)) "$model" | tail -c "$header" | sed 's/"__metadata__":{.*"format":"pt"[^}]*},//' > "$work/header"
{ head -c 8 "$model"; cat "$work/header"; printf "%*s" $((header - $(wc -c < "$work/header"))) ''
  head -c $(($(wc -c < "$model") - 8 - header)) /dev/zero; } > "$flat"
# shellcheck disable=SC2086
flat() { "$deeparc" properties "$flat" $drawn ${short#--limit 40} --normalize none --similarity "$matrix" --controls 1 --no-probes "$@"; }
check_says "images without a gradient are told" "up to 8 of 8 images have a gradient of zero, in 9 networks" flat \
    --html "$work/flat.html"
check_says "on the page too" "some attacked images have a gradient of zero" cat "$work/flat.html"
check_says "and in the record" '"pgd_without_gradient": 8' flat --json
check_same "none of the usual network" "$(grep -c "gradient of zero" "$work/text")" 0

check_fails "an epsilon that is none" 2 "such as 2/255" run --similarity "$matrix" --epsilon much
check_fails "an epsilon above all pixels" 2 "0 to 1" run --similarity "$matrix" --epsilon 256/255
check_fails "a step without an attack" 2 "no effect" "$deeparc" properties "$model" --data digits --attack-limit 0 \
    --step-size 1/255
check_fails "training images that nothing reads" 2 "no training image" run --similarity "$matrix" --no-probes
check_fails "a choice without controls" 2 "no controls" run --similarity "$matrix" --controls 0 --among outside
printf '1,0.5\n0.5,1\n' > "$work/small.csv"
check_fails "a matrix of another network" 1 "neither so many blocks" run --similarity "$work/small.csv"
check_fails "two results in one file" 2 "would replace" run --csv "$work/x" --record "$work/x"
check_fails "no module" 1 "lower the threshold" run --similarity "$matrix" --threshold 0.99

# ---- Ctrl-C: one sentence, no file. ----
"$deeparc" properties "$model" --data digits --similarity "$matrix" --controls 1000 --steps 1000 \
    --csv "$work/never.csv" > "$work/out" 2> "$work/said" &
pid=$!
while [ ! -s "$work/said" ] && kill -0 $pid; do sleep 0.1; done # until it has said what it loads
kill -INT $pid
wait $pid
check_same "interrupted: status" $? 1
check_says "interrupted: one sentence" "stopped after" tail -n 1 "$work/said"
check_same "interrupted: no file" "$(ls "$work" | grep -c never)" 0
finish
