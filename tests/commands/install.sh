#!/bin/sh
# make install and uninstall, into a folder of this test's: what lies where, and programs that are built with pkg-config
# against the static and the shared library.
. "$(dirname "$0")/library.sh"
build=$(dirname "$deeparc")
cd "$root" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL
case $build in "$root"/*) build=${build#"$root"/} ;; esac
grep -q fsanitize "$build/.flags" 2> /dev/null && { skip "install" "this build is a sanitizer's"; finish; }

# The objects of this build as they are, those of the shared library quickly compiled.
to=$work/to prefix=/opt/deeparc
install() {
    make -s BUILD="$build" -o "$build/.flags" -o "$build/.commit" PIC="$work/pic" O=-O0 DEBUG= WERROR= DESTDIR="$to" \
        PREFIX="$prefix" "$@"
}
check_says "install" "is installed in" install install
in=$to$prefix
version=$("$deeparc" --version)
check_same "the program" "$version" "$("$in/bin/deeparc" --version)"
check_same "... is stripped: at most 5 MB" "$(($(wc -c < "$in/bin/deeparc") <= 5000000))" 1
check_same "headers: the public ones, and no other" "$(cd "$in/include/deeparc" && find . -name '*.h' | cut -c 3- | sort)" \
    "$(${CC:-cc} -I. -MM deeparc/deeparc.h | tr -d '\\' | tr ' ' '\n' | grep '\.h$' | sort)"
check_same "the manual names every command" "$("$deeparc" --help | sed '1,/^Commands:/d' | cut -c 3-16 | sed 's/ *$//')" \
    "$(sed -n '/^.SH COMMANDS/,/^.SH EXIT/s/^\.SS //p' "$in/share/man/man1/deeparc.1")"
if command -v groff > /dev/null; then
    check "... and is a page" groff -man -ww -T ascii "$in/share/man/man1/deeparc.1"
    check_same "... without a warning" "x$(cat "$work/err")" x
    check_same "... with the examples" "$(grep -c 'Example: deeparc sweep plan ' "$work/out")" 1
else skip "the manual as a page" "there is no groff"; fi

# ---- Names that the shared library shows. ----
shared=$(find "$in/lib" -type f -name 'libdeeparc.*' ! -name '*.a')
case $shared in *.dylib) show='nm -gU' ;; *) show='nm -D --defined-only' ;; esac
# shellcheck disable=SC2086
if $show "$shared" > "$work/names" 2> /dev/null; then
    check_same "the shared library shows da_ alone" "x$(awk '{ print $NF }' "$work/names" | grep -v '^_*da_' | head -n 3)" x
    while read -r name; do grep -q "[ _]$name\$" "$work/names" || echo "$name"; done > "$work/out" << END
$(sed -n '/^ \* The thirty/,/^ \* Ownership/s/^ \*     \(da_[a-z_]*\).*/\1/p' deeparc/deeparc.h)
END
    check_same "... and what to know first" "x$(cat "$work/out")" x
else skip "names of the shared library" "there is no nm"; fi

# ---- The README's program. ----
awk '$0 == "```c" { inside = 1; next } $0 == "```" { inside = 0 } inside' README.md > "$work/network.c"
config() { PKG_CONFIG_SYSROOT_DIR=$to PKG_CONFIG_PATH=$in/lib/pkgconfig pkg-config "$@" deeparc; }
if command -v pkg-config > /dev/null; then
    check_same "deeparc.pc: the version" "deeparc $(config --modversion)" "$version"
    sed 's/count = 6000/count = 300/' "$work/network.c" > "$work/fewer.c"
    # shellcheck disable=SC2046
    check "the README's program, shared" "${CC:-cc}" "$work/fewer.c" $(config --cflags --libs) -o "$work/shared"
    check_says "... runs" trained env LD_LIBRARY_PATH="$in/lib" DYLD_LIBRARY_PATH="$in/lib" "$work/shared"
    rm "$in"/lib/libdeeparc.so* "$in"/lib/libdeeparc*.dylib 2> /dev/null # only the static one is left
    # shellcheck disable=SC2046
    check "the README's program, static" "${CC:-cc}" "$work/network.c" $(config --cflags --static --libs) -o "$work/static"
    check_says "... runs" trained "$work/static"
else skip "programs with pkg-config" "there is no pkg-config"; fi

touch "$in/lib/another"
check "uninstall" install uninstall
check_same "... leaves nothing but what is not ours" "$(cd "$in" && find . -type f -o -type l)" ./lib/another
finish
