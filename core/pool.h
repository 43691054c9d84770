/* A pool of buffers: blocks go back to a free list of their size class and are handed out again.
 *
 *     class   0   1   2   3  ...            sizes 2^e * (1 + s/8): at most an eighth is wasted
 *     free   [ ]─[ ]     [ ]
 *
 * A request takes a free block of exactly its class. A step that repeats the requests and returns of the one before
 * therefore finds every block it needs: no heap call after the first step. With `larger`, a request whose class has no
 * free block takes the smallest free block of a larger class: a step with fewer samples then makes do with the blocks of
 * a whole one.
 */
#ifndef DA_CORE_POOL_H
#define DA_CORE_POOL_H

#include <stdbool.h>
#include <stdint.h>

enum { DAI_POOL_CLASSES = 64 * 8 };

typedef struct dai_buffer dai_buffer;
struct dai_buffer {           /* the data begin 64 bytes on */
    dai_buffer *next;         /* in a free list, or in the graph's list of scratch */
    int size_class, users;
};

typedef struct dai_pool {
    dai_buffer *free[DAI_POOL_CLASSES];
    bool larger;
} dai_pool;

/* A buffer for `floats` numbers with one user, not cleared. NULL, with the thread's error set, when the heap has no
   more. */
dai_buffer *dai_pool_take(dai_pool *pool, int64_t floats);
void        dai_pool_return(dai_pool *pool, dai_buffer *buffer); /* one user less; free at zero; takes NULL */
void        dai_pool_clear(dai_pool *pool);                      /* gives the free blocks back to the heap */
static inline float *dai_buffer_floats(dai_buffer *buffer) { return (float *)(void *)((char *)buffer + 64); }

#endif
