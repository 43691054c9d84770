#!/bin/sh
# Runs what the README shows: every line of its shell blocks, and its C program.
. "$(dirname "$0")/library.sh"
build=$(dirname "$deeparc")
cd "$root" || exit 1

block() { awk -v kind="$1" '$0 == "```" kind { inside = 1; next } $0 == "```" { inside = 0 } inside' README.md; }

block sh > "$work/lines"
[ -s "$work/lines" ] || bad "the README has shell lines" "there is none"
# shellcheck disable=SC2162 # without -r: a line that ends in a backslash goes on
while IFS= read line; do
    line=$(echo "$line" | sed "s#build/deeparc#PROGRAM#; s#build/#$work/#g; s#PROGRAM#$deeparc#")
    name=$(echo "$line" | cut -d' ' -f2)
    check "README: $name" sh -c "$line"
    cat "$work/out" >> "$work/tour"
done < "$work/lines"

# What is trained has learned: 95 % and more, also after repair, so that the rest of the tour shows more than noise.
sed -n -e 's/^accuracy .* before, \([0-9.]*\) % after .*/\1/p' -e 's/^accuracy  *\([0-9.]*\) %.*/\1/p' "$work/tour" \
    > "$work/reached"
check_same "README: five accuracies" "$(wc -l < "$work/reached" | tr -d ' ')" 5
check_same "README: all of 95 % and more" "$(awk '$1 < 95' "$work/reached")none" none
words=$(sed -n '/^## Twenty words/,/^## The folders/p' README.md | grep -c '^| [a-zA-Z]')
check_same "README: twenty words and the heading" "$words" 21

block c > "$work/network.c"
cc=${CC:-cc}
# shellcheck disable=SC2086
if "$cc" -I. ${SANITIZE:+-fsanitize=$SANITIZE} "$work/network.c" "$build/libdeeparc.a" -lm \
    -o "$work/network" 2> "$work/err"; then
    good "README: the C program compiles"
    check_says "README: the C program trains" trained "$work/network"
else
    bad "README: the C program compiles" "$(head -n 5 "$work/err")"
fi

# ---- A build tells what it does and how long that takes; V=1 shows whole lines, -s nothing. ----
unset MAKEFLAGS MFLAGS MAKELEVEL
# shellcheck disable=SC2086
one() { make BUILD="$work/$1" "$work/$1/obj/core/status.o" $2; } # a single file of a build of its own
check_says "make: a line a file" " CC core/status.c" one brief
check_same "make: no compiler's line" "$(grep -c -e ' -c ' "$work/out")" 0
check_says "make: how long" "processors takes about" one afresh
check_says "make V=1" "-c core/status.c" one whole V=1
check "make -s" one silent -s
check_same "make -s: not a word" "$(wc -c < "$work/out" | tr -d ' ')" 0

for target in mnist-demo test asan ubsan bench real-data-test fuzz; do
    if grep -q "^$target:" Makefile; then good "make knows $target"; else bad "make knows $target" "no such target"; fi
done
finish
