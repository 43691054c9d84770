/* The oracle: every operation a second time, in double, in the most literal way there is.
 *
 * It shares no code with core/: its own indexing, its own shape rules, its own random cipher, the C library's exp and
 * erf. An operation and its oracle agree only if both are right, or wrong in the same way twice.
 *
 *     case (operation, shapes, options)  ──>  core: float, fast         ──┐
 *                                        ──>  oracle: double, literal   ──┴── compared by core/check/gradcheck.c
 */
#ifndef DA_CORE_CHECK_ORACLE_H
#define DA_CORE_CHECK_ORACLE_H

#include "core/operations/rows.h"

/* How an input is filled: normal deviates; numbers above 0.5; or numbers in random order that keep 0.05 from each other
   and 0.025 from zero, so that a small step crosses no kink and changes no maximum; or normal deviates that fall by 20
   from one to the next along the last axis: logits of a network that is sure, beyond what 1 - p tells from 0. */
typedef enum dai_oracle_values { DAI_NORMAL, DAI_POSITIVE, DAI_APART, DAI_STEEP } dai_oracle_values;

enum { DAI_ORACLE_INPUTS = 5 }; /* operands of a case at most */

typedef struct dai_oracle_shape { int ndim; int64_t shape[DA_MAX_DIMS]; } dai_oracle_shape;

typedef struct dai_oracle_case {
    const char *operation;
    int inputs;
    dai_oracle_shape  in[DAI_ORACLE_INPUTS];
    dai_oracle_values values[DAI_ORACLE_INPUTS];
    dai_options options;
    bool        bytes; /* input 0 holds bytes, which operations refuse */
    const char *fails; /* not NULL: the call must fail with a sentence that contains these words */
} dai_oracle_case;

typedef struct dai_oracle_array { int ndim; int64_t shape[DA_MAX_DIMS]; double *data; } dai_oracle_array;

/* Sets y's shape and, where y->data is not NULL, its numbers. Returns how many terms make one number. */
typedef int64_t dai_oracle_function(const dai_oracle_case *c, const dai_oracle_array *in, dai_oracle_array *y);

/* One row: how to call the operation through its public function, and its oracle. */
typedef struct dai_oracle_row {
    const char *operation;
    da_node *(*call)(da_graph *g, da_node *const *in, const dai_oracle_case *c);
    dai_oracle_function *compute;
} dai_oracle_row;

extern const dai_oracle_row  dai_oracle_rows[];  /* ended by operation NULL */
extern const dai_oracle_case dai_oracle_cases[]; /* ended by operation NULL */

/* The running statistics that batch norm cases begin with: channel c. */
double dai_oracle_running_mean(int64_t c);
double dai_oracle_running_variance(int64_t c);

#endif
