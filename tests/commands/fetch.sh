#!/bin/sh
# datasets/fetch.sh against a web server on localhost, with curl and with wget, whichever are installed.
# shellcheck disable=SC2086,SC2317
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/deeparc-fetch.XXXXXX") || exit 1
server=''
cleanup() { [ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"; }
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0 skipped=0

finish() { echo "$passed passed, $failed failed, $skipped skipped"; [ "$failed" -eq 0 ]; exit $?; }
ok() { echo "ok $1"; passed=$((passed + 1)); }
bad() { echo "FAIL $*"; failed=$((failed + 1)); }
skip() { echo "skip $*"; skipped=$((skipped + 1)); }
check() { # check NAME COMMAND...: the command must succeed
    label=$1; shift
    if "$@"; then ok "$label"; else bad "$label: $* (fetch.sh said: $(tr '\n' ' ' < "$work/err"))"; fi
}
said() { grep -q -- "$1" "$work/err"; }
same() { cmp -s "$1" "$2"; }
absent() { [ ! -e "$1" ]; }
file_hash() { # with the tools fetch.sh may use
    if command -v sha256sum >/dev/null 2>&1; then sha256sum
    elif command -v shasum >/dev/null 2>&1; then shasum -a 256
    else openssl dgst -sha256 -r
    fi | cut -d ' ' -f 1
}

# What every tool but curl and wget is found in: a directory of links.
tools() { # tools DIRECTORY NAME...
    bin=$1; shift
    mkdir -p "$bin"
    for each in sh cat grep mkdir mv rm gzip tar cut dirname sha256sum shasum openssl perl tr "$@"; do
        path=$(command -v "$each") || continue
        case $path in /*) ln -sf "$path" "$bin/$each" ;; esac
    done
}
fetch() { # fetch MIRRORS NAME DEST; the exit status is in $status
    env PATH="$bin" no_proxy=127.0.0.1 DEEPARC_MIRRORS="$1" DEEPARC_CHECKSUMS="$work/checksums" \
        sh "$root/datasets/fetch.sh" "$2" "$3" 2> "$work/err"
    status=$?
}

# ---- a small mnist and a small cifar10 to serve ----
mkdir -p "$work/www/good" "$work/www/damaged" "$work/www/repacked" "$work/src/cifar-10-batches-bin"
for file in train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte; do
    i=0
    while [ $i -lt 400 ]; do echo "$file line $i"; i=$((i + 1)); done > "$work/src/$file"
    gzip -9 -n -c "$work/src/$file" > "$work/www/good/$file.gz"
    gzip -1 -n -c "$work/src/$file" > "$work/www/repacked/$file.gz"
    cp "$work/www/good/$file.gz" "$work/www/damaged/"
    echo "mnist content $(file_hash < "$work/src/$file") $file.gz" >> "$work/checksums"
done
echo junk >> "$work/src/t10k-images-idx3-ubyte"
gzip -c "$work/src/t10k-images-idx3-ubyte" > "$work/www/damaged/t10k-images-idx3-ubyte.gz"
echo batch > "$work/src/cifar-10-batches-bin/test_batch.bin"
(cd "$work/src" && tar -cf - cifar-10-batches-bin | gzip -n > "$work/www/good/cifar-10-binary.tar.gz")
echo "cifar10 inside sha1:0000000000000000000000000000000000000000 test_batch.bin" >> "$work/checksums"
echo "cifar10 file $(file_hash < "$work/www/good/cifar-10-binary.tar.gz") cifar-10-binary.tar.gz" >> "$work/checksums"
head -c 100 "$work/www/good/cifar-10-binary.tar.gz" > "$work/www/damaged/cifar-10-binary.tar.gz"

# ---- usage, which needs no server ----
bin=$work/bin-none
tools "$bin"
: > "$work/err"
fetch x svhn "$work/d"; check unknown_name_is_wrong_usage test "$status" -eq 2
check unknown_name_is_named said "no data set 'svhn'"
env PATH="$bin" sh "$root/datasets/fetch.sh" 2> "$work/err"; check no_name_is_wrong_usage test $? -eq 2
env PATH="$bin" sh "$root/datasets/fetch.sh" --help > "$work/out" 2> "$work/err"; check help_succeeds test $? -eq 0
check help_has_an_example grep -q 'example:' "$work/out"
fetch x mnist "$work/d"; check without_curl_and_wget_it_fails test "$status" -eq 1
check without_curl_and_wget_it_says_so said 'neither curl nor wget'
for set in mnist fashion-mnist cifar10 cifar100; do # the real list: a line is four words, one of them 64 digits
    lines=$(grep -c -E "^$set +(content|file) +[0-9a-f]{64}  [a-z0-9.-]+\$" "$root/datasets/checksums.txt")
    case $set in cifar*) check "list_of_$set" test "$lines" -eq 1 ;; *) check "list_of_$set" test "$lines" -eq 4 ;; esac
done

# ---- the server ----
if ! command -v python3 >/dev/null 2>&1; then skip "downloads: no python3 to serve them"; finish; fi
(cd "$work/www" && exec python3 -u -m http.server --bind 127.0.0.1 0) > "$work/server" 2>&1 &
server=$!
port='' tries=0
while [ -z "$port" ] && [ $tries -lt 100 ]; do
    port=$(sed -n 's/.* port \([0-9][0-9]*\).*/\1/p' "$work/server" | head -n 1)
    [ -n "$port" ] || sleep 0.1
    tries=$((tries + 1))
done
if [ -z "$port" ]; then skip "downloads: the server did not start"; finish; fi
base=http://127.0.0.1:$port
dead=http://127.0.0.1:1

for tool in curl wget; do
    if ! command -v $tool >/dev/null 2>&1; then skip "$tool: not installed"; continue; fi
    bin=$work/bin-$tool
    tools "$bin" $tool
    to=$work/$tool
    fetch "$base/good" mnist "$to/a"
    check ${tool}_gets_mnist test "$status" -eq 0
    for file in train-images-idx3-ubyte t10k-labels-idx1-ubyte; do
        check ${tool}_$file same "$to/a/mnist/$file.gz" "$work/www/good/$file.gz"
    done
    fetch "$dead" mnist "$to/a"
    check ${tool}_leaves_what_is_there_and_right test "$status" -eq 0
    fetch "$base/repacked/" mnist "$to/b"
    check ${tool}_takes_a_file_packed_otherwise test "$status" -eq 0
    fetch "$dead $base/nowhere $base/good" mnist "$to/c"
    check ${tool}_goes_on_to_the_next_mirror test "$status" -eq 0
    fetch "$base/damaged" mnist "$to/d"
    check ${tool}_refuses_a_damaged_file test "$status" -eq 1
    check ${tool}_names_the_damaged_file said 't10k-images-idx3-ubyte.gz is damaged'
    check ${tool}_leaves_no_damaged_file absent "$to/d/mnist/t10k-images-idx3-ubyte.gz"
    check ${tool}_leaves_no_damaged_part absent "$to/d/mnist/t10k-images-idx3-ubyte.gz.part"
    fetch "$base/damaged $base/good" mnist "$to/d"
    check ${tool}_gets_from_another_mirror_what_one_has_damaged test "$status" -eq 0
    fetch "$base/nowhere" mnist "$to/e"
    check ${tool}_fails_when_there_is_none test "$status" -eq 1
    check ${tool}_says_how_to_go_on said 'could not get train-images-idx3-ubyte.gz'
    check ${tool}_leaves_nothing_behind absent "$to/e/mnist/train-images-idx3-ubyte.gz.part"
    mkdir -p "$to/f/mnist"
    head -c 200 "$work/www/good/train-images-idx3-ubyte.gz" > "$to/f/mnist/train-images-idx3-ubyte.gz.part"
    echo garbage > "$to/f/mnist/train-labels-idx1-ubyte.gz.part"
    echo garbage > "$to/f/mnist/t10k-labels-idx1-ubyte.gz"
    fetch "$base/good" mnist "$to/f"
    check ${tool}_replaces_parts_and_damaged_files test "$status" -eq 0
    for file in train-images-idx3-ubyte train-labels-idx1-ubyte t10k-labels-idx1-ubyte; do
        check ${tool}_replaced_$file same "$to/f/mnist/$file.gz" "$work/www/good/$file.gz"
    done
    fetch "$base/damaged" cifar10 "$to/g"
    check ${tool}_refuses_a_damaged_archive test "$status" -eq 1
    check ${tool}_unpacks_nothing_damaged absent "$to/g/cifar-10-batches-bin"
    fetch "$base/good" cifar10 "$to/g"
    check ${tool}_gets_cifar10 test "$status" -eq 0
    check ${tool}_unpacks_it same "$to/g/cifar-10-batches-bin/test_batch.bin" \
        "$work/src/cifar-10-batches-bin/test_batch.bin"
    check ${tool}_removes_the_archive absent "$to/g/cifar-10-binary.tar.gz"
    fetch "$dead" cifar10 "$to/g"
    check ${tool}_leaves_an_unpacked_set test "$status" -eq 0
    : > "$to/file"
    fetch "$base/good" mnist "$to/file"
    check ${tool}_says_where_it_cannot_write test "$status" -eq 1
done
finish
