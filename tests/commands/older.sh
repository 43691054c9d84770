#!/bin/sh
# Records that version 0.1.0 wrote before records had headers (tests/fixtures/records-0.1.0, made by that program on drawn
# digits): today's commands read them, say what they say, and say what they do not.
. "$(dirname "$0")/library.sh"

old=$root/tests/fixtures/records-0.1.0
check "the report of old records" "$deeparc" report "$old" --out "$work/report.html" --quiet
for row in 'original  *9.38 %  *+0.00  *11,094  *1,270,240 ' 'layers removed  *6.25 %  *-3.12  *4,934 ' \
    'retrained: local  *3.12 %  *-  *4,934 .* 18.4 %'; do # on which images the repair was tested, they do not say
    check_same "... its row $row" "$(grep -c "^$row" "$work/out")" 1
done
check_same "... says which figures are not subtracted" "$(grep -c 'it is not recorded on which' "$work/out")" 1
for part in "Similarity and modules" "Removal" "Repair" "blocks removed" \
    "<td>train.json</td><td>train</td><td>0.1.0</td><td>unknown</td><td>avx512</td><td>unknown</td>" \
    "<td>eval.json</td><td>unknown</td><td>unknown</td>"; do
    check_says "... its page: $part" "$part" cat "$work/report.html"
done
check_same "... has nothing that is no number" "$(grep -ci '[> ]-*nan\b' "$work/report.html")" 0

check_says "the sweep of old runs" "2 of 2 planned runs finished, 0 missing" \
    "$deeparc" sweep collect --dir "$old/sweep" --html "$work/sweep.html" --csv "$work/sweep.csv" --svg "$work/sweep.svg"
check_same "... its numbers" "$(awk '$1 == "0.9" && $2 == 14 { print $3, $6 }' "$work/out")" "1 0.857"
check_says "... its commit" "<td>commit</td><td>unknown</td>" cat "$work/sweep.html"
check_same "... its rows" "$(grep -c '^[0-9a-f]*,"digits",resnet' "$work/sweep.csv")" 4

check_says "verify passes over them" "7 records of an older version: without hashes" "$deeparc" verify "$old"
check_says "an old matrix has the names of its record" "layer1.0" \
    "$deeparc" partition --similarity "$old/cka.csv" --names "$old/similarity.json" --threshold 0.5
finish
