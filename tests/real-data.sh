#!/bin/sh
# What the program reaches on real data: trains the networks of the zoo and compares with what they must reach.
# Needs MNIST and CIFAR-10 in $DEEPARC_DATA (Fashion-MNIST there or from Debian); PyTorch's ResNets in $DEEPARC_MODELS.
# Usage: tests/real-data.sh [PROGRAM] [SEED]        about 6 minutes on two cores with AVX-512
# REAL=short in the environment: smallcnn and resnet20 learn for one epoch instead of five and three (2 minutes).
DEEPARC=${1:-build/deeparc}
export DEEPARC
seed=${2:-1}
. "$(dirname "$0")/commands/library.sh"
if [ -z "${DEEPARC_DATA:-}" ]; then
    echo "DEEPARC_DATA is not set: no real data to test with"
    skip "real data" "DEEPARC_DATA is not set"
    finish
fi

json_number() { sed -n "s/.*\"$1\": *\([0-9.eE+-]*\).*/\1/p" "$2" | head -n 1; }

# reaches NAME LEAST COMMAND...: its JSON output must have an accuracy of at least LEAST
reaches() {
    name=$1 least=$2; shift 2
    try "$@" --json --quiet
    accuracy=$(json_number accuracy "$work/out") seconds=$(json_number seconds "$work/out")
    if [ $status -eq 0 ] && awk -v a="${accuracy:-0}" -v l="$least" 'BEGIN { exit !(a >= l) }'; then
        good "$name: accuracy $accuracy, at least $least, in ${seconds} s"
    else bad "$name" "accuracy '$accuracy', at least $least was expected; status $status, $(head -n 2 "$work/err")"; fi
}

case ${REAL:-full} in
full) cnn_epochs=5 cnn_least=0.990 resnet_epochs=3 resnet_least=0.60 ways='direct auto' ;;
short) cnn_epochs=1 cnn_least=0.975 resnet_epochs=1 resnet_least=0.40 ways=auto ;;
*) bad "REAL" "'$REAL' is neither full nor short"; finish ;;
esac

# PyTorch's ResNets: right to the sample, on every data set that is there.
for pair in resnet20:8103:0.878796 resnet32:8256:0.922708; do
    model=${pair%%:*} rest=${pair#*:}
    file=${DEEPARC_MODELS:-/nowhere}/$model-cifar10.safetensors
    if [ ! -f "$file" ] || [ ! -d "$DEEPARC_DATA/cifar-10-batches-bin" ]; then
        skip "$model as PyTorch wrote it" "no model or no CIFAR-10"
        continue
    fi
    try "$deeparc" eval "$file" --data cifar10 --normalize imagenet --json
    check_same "$model as PyTorch wrote it: right of 10000" "$(json_number correct "$work/out")" "${rest%%:*}"
    check_same "$model as PyTorch wrote it: loss" \
        "$(printf %.4f "$(json_number loss "$work/out")")" "$(printf %.4f "${rest#*:}")"
done

if [ -d "$DEEPARC_DATA/mnist" ]; then
    reaches "mlp, MNIST, 5 epochs" 0.980 "$deeparc" train --model mlp --data mnist --epochs 5 --seed "$seed"
    reaches "lenet, MNIST, 5 epochs" 0.988 "$deeparc" train --model lenet --data mnist --epochs 5 --seed "$seed"
    reaches "smallcnn, MNIST, epochs: $cnn_epochs" $cnn_least \
        "$deeparc" train --model smallcnn --data mnist --epochs $cnn_epochs --seed "$seed"
else skip "MNIST" "not in $DEEPARC_DATA"; fi
if [ -d "$DEEPARC_DATA/fashion-mnist" ] || [ -d /usr/share/datasets/fashion-mnist ]; then
    reaches "lenet, Fashion-MNIST, 10 epochs" 0.890 \
        "$deeparc" train --model lenet --data fashion-mnist --epochs 10 --seed "$seed"
else skip "Fashion-MNIST" "not there"; fi
if [ -d "$DEEPARC_DATA/cifar-10-batches-bin" ]; then
    for way in $ways; do
        reaches "resnet20, --conv $way, CIFAR-10, epochs: $resnet_epochs" $resnet_least \
            "$deeparc" train --model resnet20 --conv "$way" --data cifar10 --epochs $resnet_epochs --seed "$seed"
    done
    # The same bits after 20 steps, whoever computes.
    line="$deeparc train --model resnet20 --data cifar10 --max-steps 20 --test-limit 100 --quiet --seed $seed"
    one=$($line --threads 1 | sha)
    for threads in 2 3; do
        try $line --threads $threads
        if [ $status -eq 2 ]; then skip "resnet20, 20 steps, $threads threads" "this build has no threads"
        else check_same "resnet20, 20 steps: 1 and $threads threads" "$one" "$(sha < "$work/out")"; fi
    done
else skip "CIFAR-10" "not in $DEEPARC_DATA"; fi
if [ -d "$DEEPARC_DATA/mnist" ]; then
    line="$deeparc train --model lenet --data mnist --epochs 1 --quiet --seed $seed"
    one=$($line --threads 1 | sha)
    for threads in 2 3; do
        try $line --threads $threads
        if [ $status -eq 2 ]; then skip "lenet, an epoch, $threads threads" "this build has no threads"
        else check_same "lenet, an epoch: 1 and $threads threads" "$one" "$(sha < "$work/out")"; fi
    done
fi
finish
