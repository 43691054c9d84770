#!/bin/sh
# The Makefile on machines that have less, or other things, than ours: one compiler under another name, flags of the
# user's, a folder with a space in its name. A file or two are compiled, the rest is what `make -n` says.
. "$(dirname "$0")/library.sh"
cd "$root" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL CC CFLAGS CPPFLAGS LDFLAGS
PATH=$(echo "$PATH" | tr ':' '\n' | grep -v ccache | tr '\n' ':') # compilers, not what stands before them

# A folder of links to what every POSIX system has, and to one compiler.
path_with() { # path_with NAME COMPILER...: prints the folder
    rm -rf "${work:?}/$1"; mkdir -p "$work/$1"
    for tool in sh awk sed mkdir cmp echo cat rm ln find getconf uname tr cut dirname make ar as ld; do
        here=$(command -v $tool) && case $here in /*) ln -sf "$here" "$work/$1/$tool" ;; esac
    done
    folder=$work/$1; shift
    for compiler; do ln -sf "$(command -v "$compiler")" "$folder/$compiler"; done
    echo "$folder"
}
for compiler in cc gcc clang; do
    command -v $compiler > /dev/null || { skip "make with $compiler alone" "there is no $compiler"; continue; }
    only=$(path_with only-$compiler $compiler)
    check_says "make with $compiler alone" " CC core/status.c" \
        env PATH="$only" make BUILD="$work/$compiler" "$work/$compiler/obj/core/status.o"
    check_same "... takes it" "$(cut -d' ' -f1 "$work/$compiler/.flags")" $compiler
done

# ---- Own flags: what the bits need stands behind them, so that it holds; optimisation in front, so that theirs does. ----
line() { make -n V=1 BUILD="$work/flags" "$work/flags/obj/core/status.o" "$@" | grep -e ' -c core/status.c'; }
flags=$(line CFLAGS='-O2 -march=x86-64 -ffp-contract=fast -std=gnu17' CPPFLAGS=-DMINE LDFLAGS=-Wl,-z,now)
for needed in -I. -D_POSIX_C_SOURCE=200809L -pthread -DDA_OWN_THREADS -DMINE; do
    case " $flags " in *" $needed "*) good "own flags: $needed is there" ;; *) bad "own flags: $needed" "$flags" ;; esac
done
last() { echo "$flags" | tr ' ' '\n' | grep -e "$1" | tail -n 1; }
check_same "own flags: the optimisation is theirs" "$(last '^-O')" -O2
check_same "own flags: the language is ours" "$(last '^-std=')" -std=c11
check_same "own flags: fused where the source says so" "$(last '^-ffp-contract=')" -ffp-contract=off
check_says "own flags: for the linker" "-Wl,-z,now" make -n V=1 BUILD="$work/flags" LDFLAGS=-Wl,-z,now
flags=$(CFLAGS=-O2 line) # from the environment
check_same "own flags: from the environment" "$(last '^-O')" -O2

# ---- Where arithmetic is not IEEE single, the preprocessor says so. ----
refused() { # refused FLAG TEXT
    try make -s BUILD="$work/fast" CC="${CC:-cc}" CFLAGS="$1" "$work/fast/obj/core/math.o"
    check_same "$1 is refused" "$status $(grep -c "error: .*$2" "$work/err")" "2 1"
}
refused -ffast-math "without -ffast-math"
refused -Ofast "without -ffast-math"
refused -D__FLT_EVAL_METHOD__=2 "must be that of float" # as the 387's

# ---- A folder with a space. ----
mkdir "$work/a b"
for entry in "$root"/*; do case $entry in */build) ;; *) ln -s "$entry" "$work/a b/" ;; esac; done
check_says "make in a folder with a space" " CC core/status.c" make -C "$work/a b" build/obj/core/status.o
check_same "... leaves it there" "$(cd "$work/a b" && echo build/obj/core/status.*)" \
    "build/obj/core/status.d build/obj/core/status.o"
check_says "... and installs from there" "install -m 644 build/libdeeparc.a" make -C "$work/a b" -n DESTDIR="$work/c d" install

# ---- Scripts need no more than POSIX's tools: what GNU's add is asked for first, or is not used. ----
# shellcheck disable=SC2046
words() { grep -nE "$@" $(git ls-files '*.sh' | grep -v -e 'commands/make.sh' 2> /dev/null) /dev/null | grep -v '^[^:]*:[0-9]*: *#'; }
if git ls-files > /dev/null 2>&1; then
    check_same "no tool of GNU's alone" \
        "x$(words '\b(nproc|tac|mapfile)\b|sed -i|stat -c|date -d|readlink -f|grep -P|xargs -[dr]|cp -a|-printf' | head -n 3)" x
    for tool in sha256sum timeout; do
        check_same "... $tool where it is there" "x$(words "(^|[ (|])$tool [^>]" | cut -d: -f1 | sort -u | while read -r file
            do grep -q "command -v $tool" "$file" || echo "$file"; done)" x
    done
else skip "tools that scripts use" "this is no clone"; fi
finish
