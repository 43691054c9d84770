/* Counter-based randomness: value = f(seed, stream, index), Philox4x32-10 (Salmon et al., "Parallel random numbers: as
 * easy as 1, 2, 3", SC 2011). No hidden state: any value can be had at once, by any thread, in any order.
 *
 *     seed    what the user gave with --seed
 *     stream  which use: one per purpose (initialising one parameter, shuffling one epoch, augmenting one sample ...)
 *     index   which value of the stream
 */
#ifndef DA_CORE_RANDOM_H
#define DA_CORE_RANDOM_H

#include "core/api.h"

#include <stdint.h>

DA_C_BEGIN

/* Stream numbers: the purpose in the high bits, what distinguishes its uses (epoch, layer, sample) in the low 48. */
typedef enum da_purpose {
    DA_RANDOM_INIT = 1, DA_RANDOM_SHUFFLE, DA_RANDOM_AUGMENT, DA_RANDOM_DROPOUT, DA_RANDOM_DIGITS, DA_RANDOM_SPLIT,
    DA_RANDOM_TEST, DA_RANDOM_ATTACK, DA_RANDOM_CONTROL
} da_purpose;
static inline uint64_t da_stream(da_purpose purpose, uint64_t which) {
    return (uint64_t)purpose << 48 | (which & 0xffffffffffffu);
}

/* One block of the cipher: four words that depend on key and counter alone. */
void da_philox(uint32_t out[4], const uint32_t key[2], const uint32_t counter[4]);

uint32_t da_random_bits(uint64_t seed, uint64_t stream, uint64_t index);
float    da_random_uniform(uint64_t seed, uint64_t stream, uint64_t index); /* [0, 1), 24 bits */
float    da_random_normal(uint64_t seed, uint64_t stream, uint64_t index);  /* mean 0, variance 1; own log, sine */
/* 0..bound-1, unbiased to 2^-32 */
uint32_t da_random_below(uint64_t seed, uint64_t stream, uint64_t index, uint32_t bound);

/* A permutation of 0..n-1 (Fisher-Yates, index i draws from the stream). */
void da_random_permutation(int64_t *order, int64_t n, uint64_t seed, uint64_t stream);

DA_C_END

#endif
