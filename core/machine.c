/* Each system in its own way. */
#if defined(__linux__)
#define _GNU_SOURCE /* sched_getaffinity */
#include <sched.h>
#endif
#include "core/machine.h"

#include <sys/types.h>

#include <sys/resource.h>
#include <unistd.h>

int da_machine_processors(void) {
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}

int da_machine_usable(void) {
#if defined(__linux__)
    cpu_set_t mine;
    if (sched_getaffinity(0, sizeof mine, &mine) == 0 && CPU_COUNT(&mine) > 0) return CPU_COUNT(&mine);
#endif
    return da_machine_processors();
}

int64_t da_machine_peak_bytes(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#if defined(__APPLE__)
    return usage.ru_maxrss; /* bytes here, KiB everywhere else */
#else
    return (int64_t)usage.ru_maxrss * 1024;
#endif
}
