#!/bin/sh
# RQ1, "how modular are neural networks?": a grid of ResNets is trained, each is cut into modules, and the metric is
# regressed on depth, data share and number of classes, beside what was published.
#
#     deeparc/experiments/rq1.sh BUILD_DIR SCALE [DATA]          what `make rq1 SCALE=smoke|laptop|paper` calls
#
# smoke: two minutes on drawn digits. laptop: about an hour on two cores, ResNets of 8 to 44 layers on MNIST. paper: the
# 1,250 CIFAR-10 networks are planned and their cost is estimated; they are not run. DATA: another data set.
# Environment: JOBS, how many runs at a time (all processors). Stopped and started again, it goes on where it was.
set -eu

usage() { echo "usage: $0 BUILD_DIR smoke|laptop|paper [DATA]" >&2; exit 2; }
if [ $# -lt 2 ] || [ $# -gt 3 ]; then usage; fi
scale=$2
case $scale in smoke) data=digits ;; laptop) data=mnist ;; paper) data=cifar10 ;; *) usage ;; esac
data=${3:-$data}
case $1 in /*) build=$1 ;; *) build=$PWD/$1 ;; esac
cd "$(dirname "$0")/../.."
build=${build#"$PWD"/} # short names in what is printed
deeparc=$build/deeparc out=$build/rq1-$scale-$(basename "$data")
[ -x "$deeparc" ] || { echo "deeparc rq1: there is no program $deeparc: run make" >&2; exit 2; }
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || getconf NPROCESSORS_ONLN 2> /dev/null || echo 1)} # Linux and Macs; BSDs
begin=$(date +%s)

usable() {
    "$deeparc" train --model mlp-4 --data "$data" --limit 16 --test-limit 16 --max-steps 1 --quiet > /dev/null 2>&1
}
if ! usable; then
    echo "$data is not on this machine: fetching it"
    datasets/fetch.sh "$data"
fi

echo "\$ $deeparc sweep plan --preset $scale --data $data --dir $out"
"$deeparc" sweep plan --preset "$scale" --data "$data" --dir "$out"
if [ "$scale" = paper ]; then
    echo "Planned, not run: deeparc/experiments/README.md says how, on one machine or many."
    exit 0
fi

echo "\$ tr '\\n' '\\0' < $out/plan.txt | xargs -0 -P $jobs -n 1 sh -c"
tr '\n' '\0' < "$out/plan.txt" | xargs -0 -P "$jobs" -n 1 sh -c ||
    echo "some runs did not come to their end: the same command goes on with them" >&2

echo "\$ $deeparc sweep collect --dir $out --csv $out/results.csv --html $out/rq1.html --svg $out/rq1.svg"
"$deeparc" sweep collect --dir "$out" --csv "$out/results.csv" --html "$out/rq1.html" --svg "$out/rq1.svg" \
    --title "How modular are neural networks? RQ1, scale $scale, $data"
printf '\n%d seconds, %d runs at a time. The page: %s/rq1.html\n' "$(($(date +%s) - begin))" "$jobs" "$out"
