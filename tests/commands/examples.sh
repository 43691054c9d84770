#!/bin/sh
# The programs of tests/examples, compiled as a user compiles them and run; what they say is held against the program's words.
. "$(dirname "$0")/library.sh"
build=$(dirname "$deeparc")
cd "$root" || exit 1
sanitize=$(grep -o -e '-fsanitize=[a-z,]*' "$build/.flags" 2> /dev/null | grep -v fuzzer | head -n 1)
threads=$(grep -o -e '-fopenmp' -e '-pthread' "$build/.flags" 2> /dev/null | head -n 1)
c=$(cut -d' ' -f1 "$build/.flags" 2> /dev/null) cc=${CC:-${c:-cc}} cxx=${CXX:-c++}
case $cc in *clang*) cxx=${CXX:-clang++} ;; esac

make_example() { # make_example NAME: $work/NAME, of the same compiler as the library
    file=$(echo tests/examples/"$1".c*)
    # shellcheck disable=SC2086
    case $file in
    *.cpp) set -- "$cxx" -std=c++17 ;;
    *) set -- "$cc" -std=c11 ;;
    esac
    # shellcheck disable=SC2086
    check "$file compiles" "$@" -Wall -Wextra -Wpedantic -Werror $sanitize $threads -I. "$file" "$build/libdeeparc.a" -lm \
        -o "$work/$(basename "${file%.c*}")"
}

make_example own_loop
check_says "own loop" accuracy "$work/own_loop"
check_same "... has learned: 90 % and more" "$(awk '{ print ($2 >= 90) }' "$work/out")" 1

model=$work/lenet.safetensors
"$deeparc" train --model lenet --data digits --limit 500 --test-limit 10 --epochs 1 --batch 32 --quiet --out "$model" > /dev/null
make_example one_picture
"$deeparc" predict "$model" --data digits --limit 1 --quiet > "$work/answer"
"$deeparc" predict "$model" --data digits --limit 1 --quiet --out "$work/logits.npy" > /dev/null
cat > "$work/picture.c" << 'END'
#include "deeparc/deeparc.h"
#include <stdio.h>
static void bare(const char *path) { /* a ResNet-20 as PyTorch writes it: tensors alone, and no word about itself */
    da_model *model = NULL;
    da_safetensors file = { 0 };
    if (da_zoo_build(&model, "resnet20", (int64_t[]){ 32, 32, 3 }, 10, NULL) == DA_OK &&
        da_model_initialize(model, DA_INIT_HE, 1) == DA_OK && da_checkpoint_save(model, path, NULL) == DA_OK &&
        da_safetensors_read(&file, path) == DA_OK) da_safetensors_write(path, file.entries, file.count, NULL, 0);
    da_safetensors_free(&file);
    da_model_free(model);
}
int main(int argc, char **argv) { /* image 0 of the digits as raw bytes; logits of a file as %a */
    if (argc == 3) bare(argv[2]);
    da_dataset data = { 0 };
    da_npy logits = { 0 };
    if (argc == 1 && da_dataset_load(&data, "digits", DA_TEST, NULL, NULL) == DA_OK) fwrite(data.images, 1, 28 * 28, stdout);
    if (argc == 2 && da_npy_read(&logits, argv[1]) == DA_OK)
        for (int64_t k = 0; k < logits.count; k++) printf("%a\n", (double)((float *)logits.data)[k]);
    da_npy_free(&logits);
    da_dataset_free(&data);
    return 0;
}
END
# shellcheck disable=SC2086
check "a picture's bytes" "$cc" -std=c11 $sanitize $threads -I. "$work/picture.c" "$build/libdeeparc.a" -lm -o "$work/picture"
"$work/picture" > "$work/picture.raw"
check "one picture" "$work/one_picture" "$model" "$work/picture.raw"
check_same "... its class is that of predict" "$(sed -n 's/^class \([0-9]*\) .*/\1/p' "$work/out")" \
    "$(sed 's/^image 0: \([0-9]*\) .*/\1/' "$work/answer")"
check_same "... its logits have the same bits" "$(grep 0x "$work/out")" "$("$work/picture" "$work/logits.npy")"
printf 'short' > "$work/short"
try "$work/one_picture" "$model" "$work/short"
check_same "... of too few bytes: a sentence" "$status $(cat "$work/err")" "1 a picture of 784 bytes is expected"

make_example alike
check "alike" "$work/alike" "$model" relu1 relu3
alike=$(cat "$work/out")
"$deeparc" similarity "$model" --data digits --split test --limit 256 --batch 64 --layers 'relu[13]' \
    --out "$work/two.csv" --quiet > /dev/null
check_same "... is what similarity says" "$(awk -F, 'NR == 1 { printf "%.6f", $2 }' "$work/two.csv")" "$alike"

make_example from_pytorch
"$work/picture" bare "$work/torch.safetensors"
try "$work/from_pytorch" "$work/torch.safetensors" digits 10
check_same "from PyTorch: recognised, with the values' fingerprint" "$(sed -n 's/^resnet20: .* units, //p' "$work/out")" \
    "$("$deeparc" hash "$work/torch.safetensors" | sha)"
check_same "... and images that do not suit it are refused" "$status $(grep -c 'takes images of 32x32x3' "$work/err")" "1 1"
network=${DEEPARC_MODELS:-}/resnet20-cifar10.safetensors
if [ -f "$network" ] && "$deeparc" data cifar10 > /dev/null 2>&1; then
    check_says "from PyTorch: on CIFAR-10" " of 200" "$work/from_pytorch" "$network" cifar10 200
    right=$(sed -n 's/^\([0-9]*\) of 200$/\1/p' "$work/out")
    check_says "... as many as eval counts" "($right of 200)" \
        "$deeparc" eval "$network" --data cifar10 --limit 200 --normalize imagenet
else skip "from PyTorch: on CIFAR-10" "DEEPARC_MODELS or CIFAR-10 is not set"; fi

if command -v "$cxx" > /dev/null; then
    make_example borrowed
    check_says "borrowed memory, in C++" "accuracy 100.0 %" "$work/borrowed"
else skip "borrowed memory, in C++" "there is no $cxx"; fi
finish
