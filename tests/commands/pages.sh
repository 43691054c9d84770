#!/bin/sh
# The pages: of `report`, of `properties --html` and of `sweep collect --html`. Each must stand alone; where there is a
# Chromium, it is opened: no console message, no request, light and dark differ, nothing is wider than a narrow or a
# wide window, and it prints.
# shellcheck disable=SC2086,SC2022 # $drawn and $study are words; https* is a pattern of grep
. "$(dirname "$0")/library.sh"

# ---- Small studies to show. ----
drawn="--data digits --limit 256 --test-limit 64 --quiet"
model=$work/model.safetensors
mkdir "$work/results"
check "a network" "$deeparc" train --model resnet20x0.25 $drawn --epochs 2 --validation 64 --out "$model" \
    --record "$work/results/train.json"
check "its similarity" "$deeparc" similarity "$model" --data digits --limit 96 --batch 32 --linkage min \
    --threshold 0.8 --out "$work/cka.csv" --record "$work/results/similarity.json" --quiet
study="$deeparc properties $model $drawn --similarity $work/cka.csv --names $work/results/similarity.json \
    --threshold 0 --most 3 --controls 3 --attack-limit 16 --steps 2"
check "its properties" $study --record "$work/results/properties-remove.json" --html "$work/properties.html"
check "... with repeated blocks" $study --edit repeat --record "$work/results/properties-repeat.json"
check "examples" "$deeparc" eval "$model" --data digits --limit 64 --examples 6 --quiet --record "$work/results/eval.json"
check "a removal" "$deeparc" restructure "$model" --similarity "$work/cka.csv" --threshold 0 --max-drop 1 --data digits \
    --limit 256 --validation 64 --test-limit 64 --quiet --out "$work/cut.safetensors" \
    --record "$work/results/restructure.json"
check "the report" "$deeparc" report "$work/results" --out "$work/report.html"
check "a plan" "$deeparc" sweep plan --preset smoke --data digits --grid depth=8,14 --grid seed=1,2 --grid classes=10 \
    --grid share=1 --grid epochs=1 --dir "$work/sweep" --quiet
sh "$work/sweep/plan.txt" > /dev/null 2>&1
check "its page" "$deeparc" sweep collect --dir "$work/sweep" --html "$work/sweep.html" --quiet

check_says "a record names version, seed, kernels and machine" '"kernels"' cat "$work/results/train.json"
check_says "captions say them" "Seed 1; deeparc" cat "$work/report.html"
check_says "partitions side by side" "Fisher, elbow" cat "$work/report.html"
check_says "the study of removal" "blocks removed" cat "$work/report.html"
check_says "probes on every block" "<title>softmax, original at 8" cat "$work/report.html"
check_says "the study of repetition" "blocks repeated" cat "$work/report.html"
check_says "the study says what an attack is" "projected gradient descent" cat "$work/properties.html"
check_says "the study says what chance gives" "fewer than 19 controls cannot show" cat "$work/properties.html"
check_same "every chart of curves has a sentence" "$(grep -c '<svg class="plot"' "$work/properties.html")" \
    "$(awk '/<svg class="plot"/ { open = 1 } open && /class="note"/ { n++; open = 0 } END { print n + 0 }' "$work/properties.html")"
mkdir "$work/unvalidated"
"$deeparc" train --model mlp-4 $drawn --epochs 2 --record "$work/unvalidated/train.json" > /dev/null
check "a report of a training without validation" "$deeparc" report "$work/unvalidated" --out "$work/unvalidated.html"
check_same "... whose legends name none" "$(grep -c '</i>validation' "$work/unvalidated.html")" 0

check_says "a record has the step that PGD took" '"step-size": 0.0' cat "$work/results/properties-remove.json"
check_same "... and what auto came to" "$(grep -c '"among": "anywhere"\|"among": "outside"' "$work/results/properties-remove.json")" 1

# ---- What a page is the result of. ----
commit=$(sed -n 's/^ *"commit": "\(.*\)",$/\1/p' "$work/results/train.json" | cut -c 1-18)
check_same "pages begin and end in one place" "$(grep -l -e da_html_begin -e da_html_end "$root"/deeparc/cli/*.c "$root"/deeparc/present/*.c | grep -v /html.c)" \
    "$root/deeparc/present/page.c"
for page in report properties sweep; do
    for part in "Made by deeparc 0.1.0, commit $commit; kernels " "Where it comes from" "options in effect" "compiler  "; do
        check_says "$page: $part" "$part" cat "$work/$page.html"
    done
done
check_same "the report: a header for each record, and its own" "$(grep -c '^options in effect' "$work/report.html")" \
    "$(find "$work/results" -name '*.json' | wc -l | awk '{ print $1 + 1 }')"
check_says "... their options in effect" "momentum         0.9" cat "$work/report.html"
check_says "... their data" "test of digits, 64 images (generated), drawn" cat "$work/report.html"
check_says "the sweep: commits of its runs" "<td>commit</td>" cat "$work/sweep.html"
if command -v sha256sum > /dev/null; then
    for file in "$work"/results/*.json; do
        check_says "the report knows ${file##*/}" "$(sha256sum < "$file" | cut -d ' ' -f 1)  $file" cat "$work/report.html"
    done
    for file in "$work"/sweep/runs/*.json; do
        check_says "the sweep knows ${file##*/}" "$(sha256sum < "$file" | cut -d ' ' -f 1)  $file" cat "$work/sweep.html"
    done
    check_says "the study knows its model" "$(sha256sum < "$model" | cut -d ' ' -f 1)  $model" cat "$work/properties.html"
fi

echo '{"edit": "remove"}' > "$work/results/properties-bad.json"
check_fails "a record that is none" 1 "inside" "$deeparc" report "$work/results" --out "$work/bad.html"

pages="report properties sweep"
for page in $pages; do # but pictures that stand in the page themselves
    check_same "$page: nothing from outside" "$(sed 's#src="data:image/png;base64,[A-Za-z0-9+/=]*"##g' "$work/$page.html" |
        grep -c -i -e 'https*:' -e 'src=' -e 'href=' -e 'url(' -e '@import' -e '<script')" 0
done

# ---- In a browser. ----
browser=''
for name in chromium chromium-browser google-chrome; do
    if [ -z "$browser" ] && command -v "$name" > /dev/null; then browser=$name; fi
done
open_page() { # OPTION... FILE: what the browser prints goes to $work/dom and $work/log
    within 120 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" \
        --no-first-run --disable-background-networking --host-resolver-rules="MAP * ~NOTFOUND" \
        --enable-logging=stderr --v=0 "$@" > "$work/dom" 2> "$work/log"
}
shot() { # PAGE WIDTH SCHEME FILE
    open_page --window-size="$2,1200" --blink-settings="preferredColorScheme=$3" --screenshot="$4" "file://$1"
}
# A frame around the page, of the given width, that writes down what it sees: by how much the page is wider than that,
# and how many files of its own or of others the page has asked for.
inspect() { # PAGE WIDTH
    cat > "$work/frame.html" << END
<iframe id="f" src="file://$1" style="width:$2px;height:800px;border:0"></iframe><p id="p"></p><script>
document.getElementById("f").onload = function () {
  var d = this.contentDocument.documentElement, asked = this.contentWindow.performance.getEntriesByType("resource");
  document.getElementById("p").textContent =
      "wider by " + (d.scrollWidth - d.clientWidth) + " of " + d.clientWidth + ", asked for " +
      Array.from(asked).filter(e => !e.name.startsWith("data:")).length;
  var cut = 0;
  this.contentDocument.querySelectorAll(".scroll").forEach(s => { if (s.scrollWidth > s.clientWidth) cut++; });
  document.getElementById("p").textContent += ", cut " + cut;
}</script>
END
    open_page --allow-file-access-from-files --dump-dom "file://$work/frame.html"
    grep -o 'wider by [0-9]* of [0-9]*, asked for [0-9]*' "$work/dom"
    grep -o ', cut [0-9][0-9]*' "$work/dom" > "$work/cut" # tables and charts that one must scroll to see all of
}

if [ -z "$browser" ]; then skip "pages in a browser" "there is no Chromium"; finish; fi
echo '<p>works</p>' > "$work/probe.html"
open_page --dump-dom "file://$work/probe.html"
if ! grep works "$work/dom" > /dev/null; then skip "pages in a browser" "$browser does not start"; finish; fi
for page in $pages; do
    open_page --log-net-log="$work/net.json" --dump-dom "file://$work/$page.html"
    check_same "$page: is opened" "$(grep -c '</html>' "$work/dom")" 1
    check_same "$page: no console message" "$(grep -c 'CONSOLE' "$work/log")" 0
    check_same "$page: no request but the browser's own" \
        "$(grep -o '"url":"https*:[^"]*"' "$work/net.json" | grep -v -c -e google -e gvt1)" 0
    shot "$work/$page.html" 1280 1 "$work/light.png"
    shot "$work/$page.html" 1280 0 "$work/dark.png"
    if [ -s "$work/light.png" ] && [ -s "$work/dark.png" ] && ! cmp -s "$work/light.png" "$work/dark.png"; then
        good "$page: light and dark"
    else bad "$page: light and dark" "no two different pictures"; fi
    for width in 400 1400; do
        check_same "$page: fits $width pixels and asks for nothing" "$(inspect "$work/$page.html" $width)" \
            "wider by 0 of $width, asked for 0"
    done
    inspect "$work/$page.html" 1200 > "$work/wide"
    check_same "$page: nothing is cut off at 1200 pixels" "$(cat "$work/cut")" ", cut 0"
    open_page --print-to-pdf="$work/$page.pdf" "file://$work/$page.html"
    check_same "$page: prints" "$(head -c 5 "$work/$page.pdf" 2> /dev/null)" "%PDF-"
done
finish
