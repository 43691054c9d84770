#!/bin/sh
# How the house is built: who may include whom, that private names stay in their folder, that no body of a parallel loop
# takes memory.
. "$(dirname "$0")/library.sh"
cd "$root" || exit 1
sources() { find "$@" -name '*.[ch]' | sort; }

# ---- Includes go one way: core <- datasets, layers <- optim <- deeparc <- deeparc/present, deeparc/cli ----
# may FOLDER ALLOWED: a pattern of what files of this folder may include; its subfolders have lines of their own.
may() {
    wrong=$(find "$1" -maxdepth "${3:-9}" -name '*.[ch]' -exec grep -HnE '^#include "' {} + | grep -vE "#include \"($2)" |
        head -n 3)
    if [ -z "$wrong" ]; then good "what $1 includes"; else bad "what $1 includes" "$wrong"; fi
}
may core 'core/'
may datasets '(core|datasets)/'
may layers '(core|layers)/'
may optim '(core|datasets|layers|optim)/'
may deeparc '(core|datasets|layers|optim)/|deeparc/[a-z_0-9]*\.h' 1
may deeparc/present '(core|datasets|layers|optim)/|deeparc/[a-z_0-9]*\.h|deeparc/present/'
may deeparc/cli '(core|datasets|layers|optim|deeparc)/'
wrong=$(grep -rnE '#include "core/check/' --include='*.[ch]' core datasets layers optim deeparc |
    grep -vE '^(core/check|deeparc/cli)/' | head -n 3)
if [ -z "$wrong" ]; then good "core/check is a tool"; else bad "core/check is a tool" "$wrong"; fi

# ---- Private names, dai_..., stay in the folder whose headers declare them ----
for folder in core datasets layers optim deeparc; do
    sources "$folder" | grep '\.h$' | xargs grep -ohE 'dai_[a-z0-9_]+' | sort -u > "$work/names"
    others=$(sources core datasets layers optim deeparc | grep -v "^$folder/")
    # A name that two folders declare, each its own, would be one too many anyway.
    wrong=$(grep -nwFf "$work/names" $others | grep -vE ':[0-9]+:( |/)*\*' | head -n 3)
    if [ "$folder" = deeparc ]; then # what it borrows is told by the other folders' lines
        sources core datasets layers optim | xargs grep -ohE 'dai_[a-z0-9_]+' | sort -u > "$work/below"
        wrong=$(comm -12 "$work/names" "$work/below" | head -n 3)
    fi
    if [ -z "$wrong" ]; then good "private names of $folder"; else bad "private names of $folder" "$wrong"; fi
done

# ---- No body of a parallel loop takes memory, nor does a function of its file that it calls ----
cat > "$work/bodies.awk" <<'END'
# Functions begin at column 0 with a name before the first parenthesis and end with a brace at column 0.
FNR == 1 { name = "" }
/^[a-z].*\(/ && !/;[ \t]*$/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name); text[FILENAME " " name] = "" }
name != "" { text[FILENAME " " name] = text[FILENAME " " name] " " $0 }
/^}/ { name = "" }
/(da_parallel_for|dai_for_runs)\(/ { calls[++count] = FILENAME; line[count] = $0 }
function visit(file, f,    key, rest, callee) {
    key = file " " f
    if (!(key in text) || key in seen) return
    seen[key] = 1
    if (match(text[key], /[^a-z_](da_alloc|da_alloc_zero|da_realloc|da_string_copy|da_graph_new|da_tensor_init|da_tensor_zeros|malloc|calloc)\(/))
        print file ": " root ": " f " takes memory"
    rest = text[key]
    while (match(rest, /[a-z_][a-z_0-9]*\(/)) {
        callee = substr(rest, RSTART, RLENGTH - 1)
        rest = substr(rest, RSTART + RLENGTH)
        if (callee != f) visit(file, callee)
    }
}
END {
    for (i = 1; i <= count; i++) {
        rest = line[i]
        while (match(rest, /[a-z_][a-z_0-9]*/)) {
            root = substr(rest, RSTART, RLENGTH)
            rest = substr(rest, RSTART + RLENGTH)
            split("", seen)
            if (root != "da_parallel_for" && root != "dai_for_runs" && (calls[i] " " root) in text && !(root in listed)) {
                bodies++
                visit(calls[i], root)
            }
        }
    }
    print bodies + 0 > bodies_file
}
END
wrong=$(sources core datasets layers optim deeparc | grep '\.c$' |
    xargs awk -v bodies_file="$work/bodies" -f "$work/bodies.awk" | sort -u | head -n 3)
if [ -z "$wrong" ]; then good "bodies of loops take no memory"; else bad "bodies of loops take no memory" "$wrong"; fi
check_same "... and there are some" "$([ "$(cat "$work/bodies")" -gt 30 ] && echo many)" many
finish
