#!/bin/sh
# Runs the unit tests and the tests of the commands of one build, and ends with "N passed, N failed".
# Usage: tests/run.sh BUILD [light]        e.g. tests/run.sh build
# light: without the scripts that need long and show nothing that another compiler or a sanitizer could change (a
# browser's pages, whole demos, speed, a cluster), and with the few short rows of bits.
build=${1:?usage: tests/run.sh BUILD [light]}
cd "$(dirname "$0")/.." || exit 1
case $build in /*) ;; *) build=$PWD/$build ;; esac
export DEEPARC="$build/deeparc" BUILD="$build"
set -- "${2:-}" unit
for file in tests/commands/*.sh; do
    name=$(basename "$file" .sh)
    case $1:$name in *:run | *:library | light:bench | light:demo | light:install | light:pages | light:readme | light:slurm) ;;
    *) set -- "$@" "$name" ;;
    esac
done
[ "$1" = light ] && export BITS="${BITS:-few}"
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
sh tests/commands/run.sh "$@" | tee "$log"
last=$(tail -n 1 "$log")
case $last in *', 0 skipped') ;; *) echo "${last##*failed, }: the lines above that begin with 'skip' say why" ;; esac
echo "${last%, *}"
case $last in *' passed, 0 failed,'*) ;; *) exit 1 ;; esac
