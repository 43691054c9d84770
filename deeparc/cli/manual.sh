#!/bin/sh
# The manual page, deeparc.1, made of what the program itself says: manual.sh PROGRAM > deeparc.1
set -eu
program=${1:?usage: manual.sh PROGRAM}
case $program in */*) ;; *) program=./$program ;; esac
escaped() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^[.']/\\\\\&&/"; } # what a line of roff would take as its own
as_it_is() { echo .nf; escaped; echo .fi; }
about=$("$program" --help | head -n 1)
version=$("$program" --version)

printf '.TH DEEPARC 1 "" "%s" "User Commands"\n' "$version"
printf '.SH NAME\ndeeparc \\- %s\n' "$(echo "${about#*: }" | escaped)"
printf '.SH SYNOPSIS\n'
"$program" --help | sed -n 's/^Usage: //p' | sed 's/        */\
.br\
/g' | sed 's/-/\\-/g'
printf '.SH DESCRIPTION\n'
"$program" --help | sed '1,/^Usage:/d' | as_it_is
printf '.SH COMMANDS\n'
"$program" --help | sed '1,/^Commands:/d' | cut -c 3-16 | sed 's/ *$//' | while IFS= read -r command; do
    printf '.SS %s\n' "$command"
    # shellcheck disable=SC2086 # one word or two
    "$program" $command --help | as_it_is
done
printf '.SH EXIT STATUS\n.TP\n.B 0\ndone\n.TP\n.B 1\nfailed: one sentence on standard error says why\n.TP\n.B 2\nwrong usage\n'
printf '.SH ENVIRONMENT\n.TP\n.B DEEPARC_DATA\nthe folder with the data sets\n.TP\n.B DEEPARC_KERNELS\nthe kernels to compute with\n'
