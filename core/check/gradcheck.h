/* Is every operation right? Each row of the table of operations, on each case of the oracle:
 *
 *     forward     equals the oracle's, in double, as closely as its number of terms allows
 *     gradient    of a random weighted sum of the output equals the oracle's central differences, for every input:
 *                 element by element on a sample, and all elements at once along a random direction
 *     bits        output and gradients are the same for every kernel table this CPU can run and for 1, 2 and 3
 *                 threads, and the output is the same when nothing is recorded
 *     misuse      is refused, with the words expected
 *
 * An operation that has no oracle, no case or no misuse fails.
 */
#ifndef DA_CORE_CHECK_GRADCHECK_H
#define DA_CORE_CHECK_GRADCHECK_H

#include "core/status.h"

#include <stdbool.h>

typedef struct da_gradcheck_result {
    const char *operation;
    int    cases, misuses;  /* tried */
    int    tables;          /* kernel tables compared */
    double forward_error;   /* largest difference, relative to the largest value of its tensor */
    double gradient_error;
    bool   passed;
    char   message[512];    /* what failed first; empty if nothing did */
} da_gradcheck_result;

/* Calls report once an operation. operation: only the one of that name, or NULL for all. Restores the kernels and
   threads in force. Errors: DA_ERROR_NOT_FOUND (no such operation), DA_ERROR_NUMERIC (one failed; the message is its),
   DA_ERROR_MEMORY. */
typedef void da_gradcheck_report(void *context, const da_gradcheck_result *result);
da_status da_gradcheck(const char *operation, da_gradcheck_report *report, void *context);
/* Is there such an operation? DA_OK or DA_ERROR_NOT_FOUND. */
da_status da_gradcheck_find(const char *operation);

#endif
