#!/bin/sh
# A sweep as a Slurm array: the line of deeparc/experiments/README.md, on a cluster of this one machine.
#
#     munged        signs messages          all three are started here, with files in $work alone,
#     slurmctld     queues, plans           and stopped when the script ends, however it ends
#     slurmd        runs tasks
#
# Skipped where Slurm (of Debian: slurm-wlm, munge) is not installed, where the script is not root, as slurmd must be, and
# where a daemon does not start, with what it said.
# shellcheck disable=SC2010,SC2154 # names in runs are hashes; library.sh sets deeparc, root and work
. "$(dirname "$0")/library.sh"
PATH=$PATH:/usr/sbin:/sbin

without() { skip "a sweep as a Slurm array" "$1"; finish; }
for program in munged slurmctld slurmd sbatch squeue scancel sinfo; do
    command -v $program > "$work/out" || without "$program is not installed"
done
[ "$(id -u)" = 0 ] || without "slurmd runs as root only"

# ---- The cluster. ----
daemons=''
stop_daemons() {
    # shellcheck disable=SC2086
    [ -z "$daemons" ] || { kill $daemons; wait; } 2> /dev/null
    rm -rf "$work"
}
trap stop_daemons EXIT
start() { # NAME COMMAND...: in the background, what it says in $work/NAME.log
    log=$work/$1.log; shift
    "$@" > "$log" 2>&1 &
    daemons="$! $daemons" # the last is stopped first
}
within() { # SECONDS COMMAND...: until it is true
    tries=$(($1 * 5)); shift
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.2
    done
}

host=$(uname -n | cut -d. -f1) port=$((20000 + $$ % 10000))
mkdir "$work/munge" "$work/state" "$work/spool"
chmod 700 "$work/munge"
head -c 1024 /dev/urandom > "$work/munge/key"
chmod 400 "$work/munge/key"
cat > "$work/slurm.conf" << CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_min_interval=0
SlurmdParameters=config_overrides
ReturnToService=2
MailProg=/bin/true
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=16000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF="$work/slurm.conf"

start munged munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge/socket" \
    --pid-file="$work/munge/pid" --log-file="$work/munge/log" --seed-file="$work/munge/seed"
within 20 test -S "$work/munge/socket" || without "munged: $(tail -n 1 "$work/munged.log")"
start slurmctld slurmctld -D -f "$SLURM_CONF"
idle() { sinfo --noheader --format %t 2> /dev/null | grep '^idle$' > /dev/null; }
# Where control groups are of version 1 or half of both, or no systemd runs, slurmd has to be told.
for cgroups in autodetect cgroup/v1 disabled; do
    printf 'CgroupPlugin=%s\n' $cgroups > "$work/cgroup.conf"
    [ $cgroups != autodetect ] || printf 'IgnoreSystemd=yes\n' >> "$work/cgroup.conf"
    start slurmd slurmd -D -f "$SLURM_CONF" -N "$host"
    ! within 15 idle || break
    kill "${daemons%% *}" 2> /dev/null # this one; the next may
    daemons=${daemons#* }
done
idle || without "no node is ready: $(tail -n 1 "$work/slurmctld.log"), $(tail -n 1 "$work/slurmd.log")"

# ---- The line. ----
tiny="--grid width=0.25 --grid limit=200 --grid test-limit=64 --grid batch=50 --speed 10 --quiet"
hashes() { cat "$1"/runs/*.json | grep '"hash"' | sort; }
finished() { ls "$1/runs" 2> /dev/null | grep -c '\.json$'; }
quiet() { [ -z "$(squeue --noheader)" ]; }
readme=$root/deeparc/experiments/README.md
submit() { # DIR: what the README says, with 3 tasks instead of 250, and this plan
    awk '/^    sbatch/ { on = 1 } on { print } on && !/\\$/ { exit }' "$readme" |
        sed "s/0-249/0-2/; s/% 250/% 3/; s|build/sweep|$1|" > "$work/line"
    (cd "$work" && sh "$work/line")
}

a=$work/a b=$work/b
# shellcheck disable=SC2086
"$deeparc" sweep plan --preset smoke --grid seed=1 --grid epochs=1 $tiny --dir "$a" > "$work/out"
check_says "the README's line, with the smoke plan" "Submitted batch job" submit "$a"
check "... comes to its end" within 300 quiet
check_same "... every run is finished" "$(finished "$a")" "$(wc -l < "$a/plan.txt" | tr -d ' ')"
# shellcheck disable=SC2086
"$deeparc" sweep plan --preset smoke --grid seed=1 --grid epochs=1 $tiny --dir "$b" > "$work/out"
check "the same plan by sh" sh "$b/plan.txt"
check_same "... the same weights" "$(hashes "$a")" "$(hashes "$b")"
check_says "submitted again" "Submitted batch job" submit "$a"
check "... comes to its end" within 100 quiet
check_same "... and every run is skipped" "$(cat "$work"/slurm-*.out | grep -c 'was finished before')" 12

# ---- Stopped as at a time limit, and submitted again. ----
c=$work/c d=$work/d
long="--data digits --grid depth=8 --grid epochs=60 $tiny"
# shellcheck disable=SC2086
"$deeparc" sweep plan $long --dir "$c" > "$work/out"
check_says "a longer run" "Submitted batch job" submit "$c"
begun() { ls "$c/runs" 2> /dev/null | grep '\.partial$' > /dev/null || [ "$(finished "$c")" = 1 ]; }
check "... is on its way" within 100 begun
scancel --user root
check "... is stopped" within 100 quiet
if [ "$(finished "$c")" = 1 ]; then skip "... before its end" "it was faster"
else check_same "... before its end" "$(ls "$c/runs" | grep -c '\.partial$')" 1; fi
check_says "... and submitted again" "Submitted batch job" submit "$c"
check "... comes to its end" within 100 quiet
# shellcheck disable=SC2086
"$deeparc" sweep plan $long --dir "$d" > "$work/out"
check "the same plan by sh" sh "$d/plan.txt"
check_same "... the same weights" "$(hashes "$c")" "$(hashes "$d")"
finish
