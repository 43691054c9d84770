/* What the program was built of and with. The Makefile gives the three texts to this file alone, so that a commit
 * recompiles nothing else. */
#include "deeparc/cli/record.h"

#ifndef DEEPARC_COMMIT
#define DEEPARC_COMMIT "unknown"
#endif
#ifndef DEEPARC_FLAGS
#define DEEPARC_FLAGS "unknown"
#endif
#ifdef __clang__
#define COMPILER "clang "
#else
#define COMPILER "gcc "
#endif

const char run_commit[] = DEEPARC_COMMIT, run_flags[] = DEEPARC_FLAGS, run_compiler[] = COMPILER __VERSION__;
