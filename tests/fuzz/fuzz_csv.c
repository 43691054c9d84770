/* CSV from anywhere: what is taken is a finite matrix with readable names. */
#include "core/csv.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    da_csv matrix = { .rows = 0 };
    size_t letters = 0;
    if (da_csv_read_memory(&matrix, (const char *)data, size, "fuzz") == DA_OK) {
        if (matrix.rows < 1 || matrix.columns < 1) abort();
        for (int64_t i = 0; i < matrix.rows * matrix.columns; i++)
            if (!isfinite(matrix.values[i])) abort();
        for (int64_t c = 0; matrix.names && c < matrix.columns; c++) letters += strlen(matrix.names[c]);
        if (letters > size) abort();
    }
    da_csv_free(&matrix);
    if (da_memory().live_blocks != 0) abort();
    return 0;
}
