#!/bin/sh
# What `sweep collect` concludes, from results that are made up: runs at the bounds of the metric, slopes of nothing,
# several machines, records that cannot be.
. "$(dirname "$0")/library.sh"

d=$work/sweep
# made RULE [RANGES]: 18 runs, of 3, 6 and 9 blocks, in modules by RULE: an expression of awk in n, the number of blocks, and
# `seed`, 1 to 3. Runs of seed 3 are of another machine. RANGES, an expression of n: where the modules are, else unsaid.
made() {
    rm -rf "$d"
    mkdir -p "$d/runs"
    awk -v dir="$d" 'function text(name, value) { return "\"" name "\": \"" value "\", " }
        function number(name, value) { return "\"" name "\": " value ", " }
        BEGIN { for (n = 3; n <= 9; n += 3) for (share = 1; share <= 2; share++) for (seed = 1; seed <= 3; seed++) {
            m = '"$1"'; id = sprintf("%016x", ++runs)
            print "deeparc sweep run --id " id > (dir "/plan.txt")
            print "{ " text("id", id) text("model", "resnet") text("data", "none") text("settings", "") \
                text("hash", "sha256:0") text("linkage", "adjacent") text("tap", "sum") text("kernels", "avx2") \
                text("version", "0") text("machine", seed == 3 ? "there" : "here") number("depth", 2 * n + 2) \
                number("width", 1) number("share", share / 2) number("seed", seed) number("classes", 10) \
                number("trained_on", 1) number("epochs", 1) number("layers", n) number("accuracy", 1) \
                number("loss", 0) number("training_seconds", 1) number("similarity_seconds", 1) \
                "\"thresholds\": [ { " number("threshold", 0.95) number("modules", m) number("ratio", (n - m) / n) \
                number("coverage", 0) '"${2:-\"\"}"' "\"paper\": " (n + 1 - m) / (n + 1) " } ] }" > (dir "/runs/" id ".json") } }'
}
collect() { "$deeparc" sweep collect --dir "$d" "$@"; }
signs() { collect | awk '$1 == "0.95" && $2 ~ /^(depth|data)$/ || $1 == "all"'; } # a line a factor
says_of() { signs | grep -c "$1 .*$2\$"; }

made n
check_same "all at the floor: depth is not judged" "$(says_of depth 'at the floor')" 2
check_same "... nor is the share" "$(says_of share 'at the floor')" 2
check_same "... though the metric falls" "$(collect --json | grep -c '"slope": -0.0')" 1
check_says "... a metric without bounds sees nothing" '"mean": 0,' collect --json --metric joined
check_says "... how many sit there" '"at_floor": 18' collect --json
made 1
check_same "all at the ceiling: depth is not judged" "$(says_of depth 'at the ceiling')" 2
check_says "... how many sit there" '"at_ceiling": 18' collect --json

made 'n - (n == 3 ? 1 : n == 6 ? 3 : 7) + (seed == 1)'
check_same "a rising line agrees" "$(says_of depth agrees)" 1
check_same "... over all thresholds there is a sign" "$(says_of depth 'same sign')" 1
check_same "a share that does nothing has no slope" "$(says_of share 'no slope')" 2
made 'n == 3 ? 1 : n == 6 ? 4 : 8 - (seed == 1)'
check_same "a falling line does not agree" "$(says_of depth DISAGREES)" 1
made 'n / 3 + 1'
check_says "the share of neighbours in one module: 3 of 5" '"mean": 0.6,' collect --metric joined --json

# Networks that are cut at their three stages and nowhere else: a line against depth by itself, but within stages.
made 3 '"\"ranges\": [[0, " n / 3 "], [" n / 3 ", " 2 * n / 3 "], [" 2 * n / 3 ", " n "]], "'
check_same "three modules everywhere: the correlation is that of stages alone" \
    "$(collect --metric joined | awk '$1 == "0.95" && $2 == "depth" { print $3, $4 }')" "+0.945 +0.945"
check_same "... it looks like agreement" "$(collect --metric joined | grep -c 'depth .*agrees$')" 1
check_same "... within stages there is none" "$(collect --metric within | grep -c '0.95  depth  *-  *- .*at the ceiling')" 1
check_says "... where one block a stage does not count" '"runs": 6' collect --metric within --json
check_same "... nor two depths of three" "$(collect --metric within --json | grep -c '"cut_at_stages_alone": 1')" 2
check_says "... in the JSON" '"correlation_cut_at_stages_alone": 0.94' collect --metric joined --json
check "... on the page, in the table" collect --metric joined --html "$work/page.html" --csv "$work/within.csv"
check_says "... that page" "cut at stages alone" cat "$work/page.html"
check_same "... unknown is an empty field" "$(cut -d, -f23 "$work/within.csv" | sort | uniq -c | tr -s ' \n' ' ')" \
    " 6 12 1 1 within "
made n '"\"ranges\": [[0, 1], [1, " n "]], "'
check_same "a cut within a stage" "$(collect --metric within | awk '$1 == "0.95" && $2 == 20 { print $6, $4, $5 }')" \
    "0.833 0 0"
made n '"\"ranges\": [[0, 1], [2, " n "]], "'
check_fails "modules with a gap" 1 "a module [2, 3) behind one that ends at 1" collect
made 3
check_fails "modules whose places are unsaid" 1 "says where its modules are" collect --metric within

check_says "machines are told apart" "12 on here" collect
check_says "... every one" "6 on there" collect
check_says "... in the JSON" '"machine": "there"' collect --json
check "a page, a table, a figure" collect --html "$work/page.html" --csv "$work/all.csv" --svg "$work/figure.svg"
check_says "... the page names both" "here (12 runs); there (6 runs)" cat "$work/page.html"
check_says "... and says what the bounds are" "the floor" cat "$work/page.html"
check_same "... the table has the machine of every run" "$(grep -c '"there"$' "$work/all.csv")" 6
check_says "... the figure is whole" "</svg>" cat "$work/figure.svg"
check_same "... without what is no number" "$(grep -c 'nan\|inf' "$work/figure.svg")" 0

# What is unknown is not 0: the spread of one seed, the interval of as many runs as there are coefficients.
made 'n / 3 + 1'
sed -n '1p;4p;7p' "$d/plan.txt" > "$work/x"
mv "$work/x" "$d/plan.txt"
check_same "one seed has no spread" "$(collect | awk '$1 == "0.95" && $2 ~ /^[0-9]+$/ { print $9 }' | tr '\n' ' ')" "- - "
check_says "... in the JSON" '"deviation_over_seeds": null' collect --json
check_same "three runs have no interval" "$(collect | grep -c -- '  -  *same sign, no interval$')" 1
check_says "... in the JSON" '"low": null' collect --json
check "... on the page" collect --html "$work/page.html"
check_same "... which has no NaN" "$(grep -ci '[> ]-*nan\b' "$work/page.html")" 0

made 'n + 1'
check_fails "more modules than blocks" 1 "modules of" collect
made 0
check_fails "no module" 1 "0 modules of" collect
made 1
sed 's/"threshold": 0.95/"threshold": "x"/' "$d/runs/0000000000000007.json" > "$work/x"
mv "$work/x" "$d/runs/0000000000000007.json"
check_fails "a threshold that is a word" 1 "0000000000000007.json" collect
echo "sh nothing" >> "$d/plan.txt"
check_fails "a line that no plan has" 1 "line 19" sh -c "rm '$d/runs/0000000000000007.json'; \
    '$deeparc' sweep collect --dir '$d'"
finish
