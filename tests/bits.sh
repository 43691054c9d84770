#!/bin/sh
# The same bits from other builds: makes the program with each compiler, optimisation, with own threads, OpenMP's and
# none, and for aarch64, each in a folder of its own, and runs tests/commands/bits.sh with it.
#
#     tests/bits.sh                        all of them, every row with all kernels (more than an hour on two cores)
#     tests/bits.sh clang-O1-serial ...    some: COMPILER-OPTIMISATION[-openmp|-serial], or aarch64
#     tests/bits.sh --update               remakes tests/fixtures/hashes.txt with build/deeparc's best kernels
#
# aarch64 is cross-compiled and emulated (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user): it runs the
# unit tests of the kernels and the rows of a few steps. The last line is "N passed, N failed, N skipped".
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
. tests/builds.sh

if [ "${1:-}" = --update ]; then
    make -s || exit 1
    BITS=update sh tests/commands/bits.sh > "$builds/hashes.txt" && cp "$builds/hashes.txt" tests/fixtures/hashes.txt
    exit
fi

native() { # native NAME: gcc-O2-serial
    compiler=${1%%-*} optimisation=${1#*-} openmp=
    case $optimisation in
    *-serial) openmp=0 optimisation=${optimisation%-serial} ;;
    *-openmp) openmp=1 optimisation=${optimisation%-openmp} ;;
    esac
    absent=$(missing "$compiler")
    if [ -n "$absent" ]; then skip "$1" "$absent"; return; fi
    build "$1" CC="$compiler" O="-$optimisation" OPENMP=$openmp WERROR="${WERROR:-}" || return
    count env BITS="${BITS:-}" DEEPARC="$builds/$1/deeparc" BUILD="$builds/$1" sh tests/commands/bits.sh
}

aarch64() {
    absent=$(missing aarch64-linux-gnu-gcc qemu-aarch64)
    if [ -n "$absent" ]; then skip aarch64 "$absent"; return; fi
    build aarch64 CC=aarch64-linux-gnu-gcc WERROR=1 all build/bits/aarch64/unit || return
    emulate="qemu-aarch64 -L /usr/aarch64-linux-gnu $builds/aarch64"
    printf '#!/bin/sh\nexec %s/deeparc "$@"\n' "$emulate" > "$builds/aarch64/emulated"
    chmod +x "$builds/aarch64/emulated"
    count $emulate/unit kernels
    case ${BITS:-} in '') rows=fewest ;; *) rows=few ;; esac
    count env BITS=$rows DEEPARC="$builds/aarch64/emulated" sh tests/commands/bits.sh
}

if [ $# -eq 0 ]; then
    for compiler in gcc clang; do
        for optimisation in O3 O2 O1; do
            set -- "$@" $compiler-$optimisation $compiler-$optimisation-openmp $compiler-$optimisation-serial
        done
    done
    set -- "$@" aarch64
    BITS=all
fi
for name; do
    case $name in
    aarch64) aarch64 ;;
    gcc*-O? | gcc*-O?-* | clang*-O? | clang*-O?-*) native "$name" ;;
    *) echo "tests/bits.sh: '$name' is no build: gcc-O2, clang-O1-serial, aarch64"; exit 2 ;;
    esac
done
finish
