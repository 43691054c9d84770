/* One .safetensors file that describes itself.
 *
 *     metadata  "deeparc.model"      JSON: architecture, input shape, classes, class names, normalisation, units
 *               "deeparc.training"   JSON, only to resume: whatever the trainer needs (schedule, counters, position)
 *               "deeparc.trainings"  JSON: on which data and with which seed the values were trained (layers/history.c)
 *               "deeparc.run"        JSON: version, machine and options of the command that made the file
 *               "deeparc.fingerprints"  SHA-256 of values, of the network and of the whole file (layers/seal.c)
 *     tensors   conv1.weight ...     parameters and buffers: PyTorch's names, file order, float32
 *               optimizer/...        only to resume: moments, same names behind the prefix
 *
 * Files that PyTorch wrote have no metadata: the architecture is then recognised by names and shapes (ResNets for
 * CIFAR: conv1, bn1, layerX.Y.conv1 ..., linear or fc, and the rest of the zoo; num_batches_tracked is passed over; the
 * prefixes "module." and "_orig_mod." are dropped; numbers with gaps are units that were cut out). They record no
 * normalisation, so model->normalization.known is false then.
 */
#ifndef DA_LAYERS_CHECKPOINT_H
#define DA_LAYERS_CHECKPOINT_H

#include "core/safetensors.h"
#include "layers/model.h"

DA_C_BEGIN

/* More tensors and metadata a checkpoint carries beside the model. Borrowed during the call; tensors are contiguous
   float32 and are written as they lie in memory. */
typedef struct da_checkpoint_extra {
    const char *training_json;       /* or NULL */
    const char *const *tensor_names; /* "optimizer/conv1.weight.momentum" ... */
    const da_tensor *tensors;
    int tensor_count;
} da_checkpoint_extra;

/* extra may be NULL. Errors: DA_ERROR_ARGUMENT (also a normalisation that no reader takes), DA_ERROR_IO,
   DA_ERROR_MEMORY; a file that was there stays. */
da_status da_checkpoint_save(const da_model *model, const char *path, const da_checkpoint_extra *extra);

/* Reads a file and holds it against the fingerprints it carries: one bit that was flipped anywhere, or a value that was
   changed without leaving out the fingerprints, is DA_ERROR_FORMAT. Files without fingerprints are as good. The calls
   below read files so. */
da_status da_checkpoint_read(da_safetensors *file, const char *path);

/* Builds the model a file describes (or PyTorch's naming implies) and fills it. When file is not NULL the file's
   tensors and metadata are left there, for reading the extras; the caller gives them back with da_safetensors_free. No
   memory is taken for parameters that the file does not hold. Errors: DA_ERROR_FORMAT and those of reading files. */
da_status da_checkpoint_load(da_model **model, const char *path, da_safetensors *file);

/* Fills an existing model, frozen or not, with values and the record of trainings. Fails with DA_ERROR_FORMAT, naming
   what is missing, what is unexpected and which shapes differ (the first few of each), or which unit the file describes
   with other options (a stride, a dropout), without touching the model. */
da_status da_checkpoint_load_into(da_model *model, const char *path);
/* The same from a file that is in memory; path stands in messages. */
da_status da_checkpoint_fill(da_model *model, const da_safetensors *file, const char *path);

/* Two questions to ask of a file before a model is filled from it; path stands in messages.
   compare: has it the model's tensors, no others, of the same shapes, and does it describe the same units, where it
   describes any? DA_ERROR_FORMAT, as da_checkpoint_load_into.
   check_frozen: has it, for all that is frozen, the bits of the model? It must have passed compare. DA_ERROR_ARGUMENT
   names the first tensor that differs. */
da_status da_checkpoint_compare(const da_model *model, const da_safetensors *file, const char *path);
da_status da_checkpoint_check_frozen(const da_model *model, const da_safetensors *file, const char *path);

DA_C_END

#endif
