#!/bin/sh
# The public headers, which are those that deeparc/deeparc.h includes: each compiles alone, as C11 and as C++17, and gives
# no name that does not begin with da_ or DA_.
. "$(dirname "$0")/library.sh"
cd "$root" || exit 1
cc=${CC:-cc}
# shellcheck disable=SC2086
public=$($cc -std=c11 -I. -MM deeparc/deeparc.h | tr -d '\\' | tr ' ' '\n' | grep '\.h$' | sort -u)
check_same "public headers: more than thirty" "$([ "$(echo "$public" | wc -l)" -gt 30 ] && echo yes)" yes

# ---- Each alone. Of compilers that are here, those of C and of C++. ----
there() { # there LANGUAGE COMPILER...: those that compile a program
    language=$1; shift
    echo 'int main(void) { return 0; }' > "$work/one"
    for compiler; do
        "$compiler" -x "$language" -o "$work/one.out" "$work/one" 2> /dev/null && echo "$compiler"
    done
}
alone() { # alone LANGUAGE STANDARD COMPILER...
    language=$1 standard=$2; shift 2
    mkdir -p "$work/$language"
    for header in $public; do
        printf '#include "%s"\ntypedef int there_is_something;\n' "$header" > "$work/$language/$(echo "$header" | tr / _)"
    done
    [ $# -gt 0 ] || skip "headers as $standard" "there is no such compiler"
    for compiler; do
        check "each header alone: $compiler -std=$standard" "$compiler" -x "$language" -std="$standard" -Wall -Wextra \
            -Wpedantic -Werror -I. -fsyntax-only "$work/$language"/*.h
    done
}
c=$(there c gcc clang) cpp=$(there c++ g++ clang++)
# shellcheck disable=SC2086
alone c c11 ${c:-$cc}
# shellcheck disable=SC2086
alone c++ c++17 ${cpp:-$(there c++ c++)} # none: skipped
for header in $public; do
    case $header in core/api.h | core/unary.h | deeparc/deeparc.h) continue ;; esac # macros alone
    [ "$(grep -c -e '^DA_C_BEGIN$' -e '^DA_C_END$' "$header")" = 2 ] || echo "$header"
done > "$work/out"
check_same "each has C linkage" "x$(cat "$work/out")" x

# ---- Names. Of what the preprocessor leaves of our own files: words outside of braces and parentheses, and in enums. ----
cat > "$work/names.awk" << 'END'
function judge(word) { # words of the language and of libc; else a name
    if (word ~ /^(typedef|struct|enum|const|static|inline|extern|volatile|void|char|int|unsigned|float|double)$/) return
    if (word ~ /^(bool|_Bool|size_t|FILE|sig_atomic_t|u?int[0-9]+_t|__attribute__|sizeof)$/) return
    if (word !~ /^(da_|DA_)/) print file ": " word
}
/^# [0-9]+ "/ { file = $3; gsub(/"/, "", file); next }
file ~ /^[\/<]/ { next }
{
    text = $0
    gsub(/"[^"]*"/, "", text)
    while (match(text, /[A-Za-z_][A-Za-z_0-9]*|[{}()=,;*]|[0-9][0-9A-Za-z.]*/)) {
        token = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        if (token ~ /^[A-Za-z_]/) {
            if (depth == 0 && (round == 0 || pointer)) { judge(token); words = words " " token }
            else if (depth == 1 && listed && round == 0 && !value) judge(token)
        }
        pointer = token == "*" && depth == 0 && round == 1 && before == "(" # void (*NAME)(...)
        if (token == "(") round++
        else if (token == ")") round--
        else if (token == "{") { if (depth++ == 0) { listed = words ~ / enum/; value = 0 } }
        else if (token == "}") depth--
        else if (token == "=") value = 1
        else if (token == ",") value = 0
        if (depth == 0 && (token == ";" || token == "}")) words = ""
        before = token
    }
}
END
names() { awk -f "$work/names.awk" | sort -u; }
$cc -std=c11 -I. -E deeparc/deeparc.h | names > "$work/out"
check_same "names begin with da_" "x$(head -n 5 "$work/out")" x
cat > "$work/bad" << 'END'
# 1 "a.h"
enum kind { DA_A = sizeof(int), B };
typedef struct da_t { int x; } t;
static inline int f(int z) { int y = z; return y; }
void (*hook)(int y);
END
check_same "... and a bad one would be seen" "$(names < "$work/bad" | sed 's/.* //' | tr '\n' ' ')" "B f hook kind t "
# shellcheck disable=SC2086
check_same "macros begin with DA_" "x$(grep -E '^ *# *define' $public | grep -vE 'define DA_' | head -n 5)" x

# ---- What to know first: thirty functions that are declared. ----
sed -n '/^ \* The thirty/,/^ \* Ownership/s/^ \*     \(da_[a-z_]*\).*/\1/p' deeparc/deeparc.h > "$work/thirty"
check_same "thirty functions" "$(sort -u "$work/thirty" | wc -l | tr -d ' ')" 30
$cc -std=c11 -I. -E deeparc/deeparc.h > "$work/whole"
while read -r name; do grep -q "[ *]$name(" "$work/whole" || echo "$name"; done < "$work/thirty" > "$work/out"
check_same "... that exist" "x$(cat "$work/out")" x

# ---- The version. ----
version=$(sed -n 's/^#define DA_VERSION "\(.*\)"$/\1/p' core/api.h)
check_same "--version is DA_VERSION" "deeparc $version" "$("$deeparc" --version)"
check_same "which stands in one place" \
    "$(grep -rF "\"$version\"" core layers optim datasets deeparc | grep -v ':[ /]\*' | cut -d: -f1)" core/api.h
finish
