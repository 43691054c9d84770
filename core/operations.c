/* The table: every operation there is. Tests, gradcheck and benchmarks walk it. */
#include "core/operations/rows.h"

#define ROW(name, ...) &dai_operation_##name,
static const da_operation *const table[] = { DAI_OPERATIONS(ROW) NULL };

const da_operation *const *da_operations(void) { return table; }
