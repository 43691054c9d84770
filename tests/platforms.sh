#!/bin/sh
# Other systems and processors, from this machine: with zig's C compiler, which has the headers and libraries of all of
# them (Python's package ziglang), and qemu, which runs what was built for another processor.
#
#     tests/platforms.sh                    all of them
#     tests/platforms.sh aarch64-macos ...  some
#
#     aarch64-macos x86_64-macos x86_64-freebsd     the program and the unit tests compile and link (LINK=program: the
#                                                   program alone)
#     s390x riscv64 arm x86                         a short training, emulated, ends in the weights of tests/fixtures:
#                                                   big-endian, another 64 bits, and two of 32 bits
#     musl                                          the same with musl's libc, on this processor
#     space                                         a clone in a folder with a space in its name: make, make install
#
# The last line is "N passed, N failed, N skipped".
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
. tests/builds.sh
zig=${ZIG:-zig}
command -v "$zig" > /dev/null 2>&1 || zig="${PYTHON:-python3} -m ziglang"
has_zig() { $zig version > /dev/null 2>&1 || { skip "$1" "zig (pip install ziglang)"; return 1; }; }

links() { # links TARGET
    has_zig "$1" || return
    programs="build/bits/$1/deeparc build/bits/$1/unit"
    [ "${LINK:-}" = program ] && programs=build/bits/$1/deeparc
    # shellcheck disable=SC2086
    build "$1" CC="$zig cc -target $1" AR="$zig ar" O="-O0 -fno-sanitize=undefined" DEBUG= $programs && good "$1 compiles and links"
}

emulated() { # emulated NAME TARGET QEMU
    has_zig "$1" || return
    absent=$(missing "$3")
    if [ -n "$absent" ]; then skip "$1" "$absent"; return; fi
    build "$1" CC="$zig cc -target $2" AR="$zig ar" LDFLAGS=-static DEBUG= || return
    printf '#!/bin/sh\nexec %s %s/deeparc "$@"\n' "$3" "'$builds/$1'" > "$builds/$1/emulated"
    chmod +x "$builds/$1/emulated"
    count env BITS=fewest DEEPARC="$builds/$1/emulated" sh tests/commands/bits.sh
}

musl() {
    absent=$(missing musl-gcc)
    if [ -n "$absent" ]; then skip musl "$absent"; return; fi
    build musl CC=musl-gcc WERROR=1 || return
    count env BITS=fewest DEEPARC="$builds/musl/deeparc" sh tests/commands/bits.sh
}

space() {
    absent=$(missing git)
    if [ -n "$absent" ]; then skip space "$absent"; return; fi
    there=$(mktemp -d "${TMPDIR:-/tmp}/deeparc space.XXXXXX") || exit 1
    echo "== space"
    if git clone -q . "$there/a b" && make -s -C "$there/a b" O=-O1 && make -s -C "$there/a b" O=-O1 DESTDIR="$there/c d" \
        install && "$there/c d/usr/local/bin/deeparc" train --model mlp-8 --data digits --limit 32 --test-limit 8 --epochs 1 \
        --quiet > /dev/null; then good "a folder with a space"; else bad space "it does not build there"; fi
    rm -rf "$there"
}

[ $# -gt 0 ] || set -- aarch64-macos x86_64-macos x86_64-freebsd s390x riscv64 arm x86 musl space
for name; do
    case $name in
    *-macos | *-freebsd) links "$name" ;;
    s390x) emulated s390x s390x-linux-musl qemu-s390x ;;
    riscv64) emulated riscv64 riscv64-linux-musl qemu-riscv64 ;;
    arm) emulated arm arm-linux-musleabihf qemu-arm ;;
    x86) emulated x86 x86-linux-musl qemu-i386 ;;
    musl | space) $name ;;
    *) echo "tests/platforms.sh: '$name' is none of those that it knows: its first lines list them"; exit 2 ;;
    esac
done
finish
