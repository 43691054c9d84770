#!/bin/sh
# Downloads a data set, checks it, and lays it out where deeparc looks for it.
#
# Each file goes to FILE.part, which an interrupted run leaves behind and the next one continues; only a file whose
# SHA-256 is the one in checksums.txt gets its name. CIFAR's archives are unpacked beside their place and moved whole.
# shellcheck disable=SC2086 # lists are words separated by spaces
set -u

here=$(cd "$(dirname "$0")" && pwd)
checksums=${DEEPARC_CHECKSUMS:-$here/checksums.txt}

usage() {
    cat <<END
usage: datasets/fetch.sh NAME [DEST]
  NAME   mnist, fashion-mnist, cifar10 or cifar100
  DEST   the data directory (default: datasets/data); the set gets a folder in it
example: datasets/fetch.sh mnist
environment:
  DEEPARC_MIRRORS    base URLs to try instead of the built-in ones, separated by spaces
  DEEPARC_CHECKSUMS  a list to use instead of datasets/checksums.txt
END
}

say() { echo "fetch.sh: $*" >&2; }
die() { say "$@"; exit 1; }

case ${1-} in
    -h | --help) usage; exit 0 ;;
esac
if [ $# -lt 1 ] || [ $# -gt 2 ]; then usage >&2; exit 2; fi
name=$1
dest=${2:-$here/data}

case $name in
    mnist)
        folder=mnist
        mirrors='https://storage.googleapis.com/cvdf-datasets/mnist https://ossci-datasets.s3.amazonaws.com/mnist' ;;
    fashion-mnist)
        folder=fashion-mnist
        mirrors='http://fashion-mnist.s3-website.eu-central-1.amazonaws.com'
        mirrors="$mirrors https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion" ;;
    cifar10) folder=cifar-10-batches-bin mirrors='https://www.cs.toronto.edu/~kriz' ;;
    cifar100) folder=cifar-100-binary mirrors='https://www.cs.toronto.edu/~kriz' ;;
    *) say "there is no data set '$name'"; usage >&2; exit 2 ;;
esac
mirrors=${DEEPARC_MIRRORS:-$mirrors}

if command -v curl >/dev/null 2>&1; then tool=curl
elif command -v wget >/dev/null 2>&1; then tool=wget
else die "neither curl nor wget is installed: install one of them, or put the files into '$dest/$folder' yourself"
fi

if command -v sha256sum >/dev/null 2>&1; then hash_command='sha256sum'
elif command -v shasum >/dev/null 2>&1; then hash_command='shasum -a 256'
elif command -v openssl >/dev/null 2>&1; then hash_command='openssl dgst -sha256 -r'
else die "none of sha256sum, shasum and openssl is installed: a download could not be checked"
fi

# Prints the SHA-256 of standard input.
sha256() { $hash_command | cut -d ' ' -f 1; }

# is_right FILE KIND SHA256
is_right() {
    [ -s "$1" ] || return 1
    case $2 in
        content) actual=$(gzip -dc < "$1" 2>/dev/null | sha256) ;;
        *) actual=$(sha256 < "$1") ;;
    esac
    [ "$actual" = "$3" ]
}

# download URL FILE: goes on where FILE ends.
download() {
    if [ -t 2 ]; then quiet_curl='-#' quiet_wget=''; else quiet_curl='-sS' quiet_wget='-q'; fi
    case $tool in
        curl) curl -f -L $quiet_curl --connect-timeout 20 --speed-limit 1000 --speed-time 60 -C - -o "$2" "$1" ;;
        wget) wget $quiet_wget -T 60 -c -O "$2" "$1" ;;
    esac
}

# get FILE KIND SHA256 DIRECTORY: leaves a checked file there, or dies.
get() {
    target=$4/$1
    part=$target.part
    if is_right "$target" "$2" "$3"; then say "$1 is there already, and right"; return; fi
    for mirror in $mirrors; do
        url=${mirror%/}/$1
        say "$url"
        if [ -s "$part" ]; then # what an earlier run left may be continued; if that fails, from the beginning
            if download "$url" "$part" && is_right "$part" "$2" "$3"; then mv -f "$part" "$target" && return; fi
            rm -f "$part"
        fi
        if ! download "$url" "$part"; then
            [ -s "$part" ] || rm -f "$part"
            say "could not download $url"
        elif is_right "$part" "$2" "$3"; then
            mv -f "$part" "$target" || die "cannot write '$target'"
            return
        else
            rm -f "$part"
            say "$url is damaged or another file: its SHA-256 is $actual, not $3"
        fi
    done
    die "could not get $1 of '$name' from any mirror ($mirrors):" \
        "set DEEPARC_MIRRORS to others, or put it into '$4' yourself"
}

# unpack ARCHIVE: its folder comes to its place whole.
unpack() {
    scratch=$dest/.unpack.$$
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 1' HUP INT TERM
    mkdir "$scratch" || die "cannot write into '$dest'"
    gzip -dc < "$1" | tar -xf - -C "$scratch" || die "could not unpack '$1'"
    [ -d "$scratch/$folder" ] || die "'$1' holds no folder '$folder'"
    mv "$scratch/$folder" "$dest/$folder" || die "cannot write '$dest/$folder'"
    rm -f "$1"
}

[ -r "$checksums" ] || die "cannot read the list of checksums '$checksums'"
grep -q "^$name " "$checksums" || die "'$checksums' lists no file of '$name'"
case $name in
    cifar*)
        if [ -d "$dest/$folder" ]; then say "'$dest/$folder' is there already: remove it to fetch it anew"; exit 0; fi
        directory=$dest ;;
    *) directory=$dest/$folder ;;
esac
mkdir -p "$directory" 2>/dev/null || die "cannot make the directory '$directory'"
[ -w "$directory" ] || die "cannot write into '$directory'"

while read -r set kind sum file; do
    if [ "$set" != "$name" ] || [ "$kind" = inside ]; then continue; fi # the archive's own digest covers what is inside
    get "$file" "$kind" "$sum" "$directory" </dev/null
    case $name in cifar*) unpack "$directory/$file" ;; esac
done < "$checksums"
say "'$name' is in '$dest/$folder'"
