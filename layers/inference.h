/* Inference: logits of a batch, a few images at a time through the whole network.
 *
 *     images  | 0..7 | 8..15 | 16..23 | ...      a group goes through all units before the next one begins, so that
 *              ──▶    ──▶     ──▶                what one unit gives is still in the cache when the next one reads it;
 *     logits  |      |       |        |          threads take whole groups and never wait for each other in between
 *
 * Where a thread's share is so few images that their weights take longer to read than to use, the group stays whole, and
 * threads share the loops inside the operations.
 *
 * An image's logits do not depend on the group it is in: batch norms use their running statistics. So the bits are those
 * of a forward pass over the whole batch, on any number of threads.
 */
#ifndef DA_LAYERS_INFERENCE_H
#define DA_LAYERS_INFERENCE_H

#include "layers/model.h"

DA_C_BEGIN

typedef struct da_inference da_inference;

/* Borrows the model. Memory grows in the first call and is kept for the next ones. free takes NULL. */
da_status da_inference_new(da_inference **inference, da_model *model);
void      da_inference_free(da_inference *inference);

/* logits (N x classes) of images (N H W C float32, contiguous). Errors: DA_ERROR_SHAPE (not the model's input; the model
   gives something else than its classes), DA_ERROR_MEMORY, whatever an operation refuses. */
da_status da_infer(da_inference *inference, const da_tensor *images, float *logits);

DA_C_END

#endif
