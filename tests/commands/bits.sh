#!/bin/sh
# The same bits everywhere: trains the networks of tests/fixtures/hashes.txt and compares the fingerprints of their
# weights with those noted there, so that every build, CPU and number of threads is held to one and the same.
#
#               rows of a few steps                        rows of 50 steps
#     BITS=few  the best kernels                           none (for sanitizers and emulators)
#     BITS=fewest  the same, of LeNet and ResNet alone     none
#     BITS=     all vector kernels, and of networks other  the best kernels, on 1, 2, 3, 5 or 8 threads in turn
#               than VGG all kernels
#     BITS=full all kernels                                the best kernels on 1, 2, 3, 5 and 8 threads, AVX2 on 2
#     BITS=all  all kernels                                the same, and all kernels
#
# BITS=update prints the fixture anew. tests/bits.sh runs this script for other compilers, optimisations and aarch64.
. "$(dirname "$0")/library.sh"
fixture=tests/fixtures/hashes.txt
what=${BITS:-}
[ -z "$what" ] && grep -q fsanitize "${BUILD:-$root/build}/.flags" 2> /dev/null && what=few

# So few samples that the last batch of an epoch, the third, is a partial one.
train() { # train "NETWORK ALGORITHM STEPS BATCH" KERNELS THREADS
    read -r network algorithm steps batch << ROW
$1
ROW
    case $algorithm in direct) algorithm= ;; *) algorithm="--conv $algorithm" ;; esac
    # shellcheck disable=SC2086
    try "$deeparc" train --model "$network" $algorithm --data digits --limit $((2 * batch + 3)) --test-limit 1 \
        --schedule constant --epochs "$steps" --batch "$batch" --max-steps "$steps" --seed 1 --kernels "$2" \
        --threads "$3" --quiet
}

if [ "$what" = update ]; then
    while read -r network algorithm steps batch hash; do
        row="$network $algorithm $steps $batch"
        case $network in '#'*) echo "$row $hash"; continue ;; esac
        train "$row" auto 0
        seen=$(sha < "$work/out")
        [ -n "$seen" ] || { cat "$work/err" >&2; exit 1; }
        [ "$seen" = "$hash" ] || echo "changed: $row" >&2
        echo "$row $seen"
    done < "$root/$fixture"
    exit
fi

# What the CPU can run, the reference first, the best last; and what threads the build has.
train "lenet direct 1 16" none 1
kernels=$(sed -n 's/.*it can run //p' "$work/err" | tr -d ,)
best=${kernels##* }
train "lenet direct 1 16" auto 2
if [ $status -eq 2 ]; then two=1 many=1; else two=2 many='1 2 3 5 8'; fi

compare() { # compare HASH ROW KERNELS THREADS
    name="$2: $3, threads $4"
    train "$2" "$3" "$4"
    seen=$(sha < "$work/out")
    if [ $status -ne 0 ]; then bad "$name" "status $status, $(head -n 3 "$work/err")"
    elif [ "$seen" = "$1" ]; then good "$name"
    else bad "$name" "the weights are $seen, but $fixture says $1: whoever changes bits on purpose gives the reason \
in the commit and remakes that file with 'tests/bits.sh --update'"; fi
}

slower=${kernels% *} vector='' turn=$many # kernels that are not the best, and those of them that are not plain loops
case $kernels in *avx2*avx512) vector=avx2 ;; esac
grep -v '^#' "$root/$fixture" > "$work/rows"
while read -r network algorithm steps batch hash; do
    row="$network $algorithm $steps $batch"
    if [ "$steps" -lt 50 ]; then length=few; else length=many; fi
    case $what:$length:$network in
    few:many:* | fewest:many:* | fewest:*:vgg* | fewest:*:smallcnn) continue ;;
    few*:few:*) tables='' ;;
    :few:vgg*) tables=$vector ;;
    *:few:* | all:*) tables=$slower ;;
    full:many:*) tables=$vector ;;
    *) tables='' ;;
    esac
    for k in $tables; do compare "$hash" "$row" "$k" $two; done
    case $what:$length in
    *:few) compare "$hash" "$row" "$best" $two ;;
    :many) [ -n "$turn" ] || turn=$many
        compare "$hash" "$row" "$best" "${turn%% *}"
        case $turn in *' '*) turn=${turn#* } ;; *) turn='' ;; esac ;;
    *) for threads in $many; do compare "$hash" "$row" "$best" "$threads"; done ;;
    esac
done < "$work/rows"
finish
