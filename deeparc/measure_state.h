/* The state file of a measurement: its settings in words, how many batches are in, and the accumulator (JSON). */
#ifndef DA_DEEPARC_MEASURE_STATE_H
#define DA_DEEPARC_MEASURE_STATE_H

#include "deeparc/similarity.h"

/* settings: two runs with equal ones may continue each other. read: *done is 0 and nothing is read where there is no
   file. Errors: DA_ERROR_FORMAT (no state, or one of other settings), DA_ERROR_IO, DA_ERROR_MEMORY. */
da_status dai_measure_state_write(const char *path, const char *settings, int64_t done, const da_similarity *s);
da_status dai_measure_state_read(const char *path, const char *settings, int64_t *done, da_similarity *s);

#endif
