/* A model: a chain of units, each with a name, a shape in and out, parameters, buffers and children. Everything DeepArc
 * does is an edit of that chain: observe, bypass, remove, repeat, replace, freeze.
 *
 *     conv1 ─ bn1 ─ relu ─ layer1.0 ─ layer1.1 ─ layer2.0 ─ ... ─ avgpool ─ linear
 *                          └── a residual block is one unit
 */
#ifndef DA_LAYERS_MODEL_H
#define DA_LAYERS_MODEL_H

#include "layers/layer.h"

DA_C_BEGIN

enum { DA_MAX_NORMALIZED = 4, DA_MAX_UNITS = 4096, DA_MAX_CLASSES = 1 << 20 };

typedef struct da_normalization { /* input = (pixel / 255 - mean) / deviation */
    bool known;
    int channels;
    float mean[DA_MAX_NORMALIZED], deviation[DA_MAX_NORMALIZED];
} da_normalization;

/* Can images of so many channels be normalised this way, and a checkpoint keep it? At most DA_MAX_NORMALIZED channels,
   as many as the images have, means within 1e6 of 0 and deviations from 1e-6 to 1e6. Error: DA_ERROR_ARGUMENT. */
da_status da_normalization_check(const da_normalization *normalization, int64_t channels);

/* One training of a network: which images its values were moved by. Image i of the data set was trained on when
   da_subset_split of the first `images` by `seed` and `validation` leaves it among the first `limit` to train on. */
typedef struct da_training_record {
    char     data[64];          /* the data set's name, cut off where it is longer */
    char     fingerprint[65];   /* da_dataset_fingerprint of all images that were loaded, held out or not */
    int64_t  images;            /* how many those are */
    int64_t  validation, limit; /* held out for validation; of the others only the first so many (0: all) */
    uint64_t seed;              /* of what is held out, and of the order */
} da_training_record;

/* How a network came about. Surgery and copies keep it, a checkpoint holds it. */
typedef struct da_history {
    da_training_record *trainings; /* each once, the first first; none: it was not trained, or nobody recorded it */
    int   training_count;
    char *run;                     /* JSON: version, machine and options of the command that made it; NULL: unknown */
} da_history;

enum { DA_MAX_TRAININGS = 1024 };

typedef struct da_model {
    char *architecture;         /* "resnet20": what it was made as; edits append to it ("resnet20 without layer1.1") */
    int64_t input_shape[3];     /* H W C */
    int classes;
    char **class_names;         /* NULL, or `classes` of them */
    da_normalization normalization;
    da_conv_method conv;        /* how its convolutions are computed, in training as ever after */
    da_layer **units;
    int unit_count;
    da_history history;
} da_model;

da_status da_model_new(da_model **model, const char *architecture, const int64_t input_shape[3], int classes);
void      da_model_free(da_model *model);
/* Builds a unit for what the chain gives so far (H W C of the input at first). Names are unique. */
da_status da_model_append(da_model *model, const char *name, const da_layer_options *options);
/* Takes copies of model->classes names; NULL forgets them. */
da_status da_model_set_class_names(da_model *model, const char *const *names);

/* Adds to the history what is not in it yet (da_train does), and sets the header of the run that makes the model: a JSON
   object, copied; NULL forgets it. DA_ERROR_ARGUMENT: more than DA_MAX_TRAININGS, no JSON object. */
da_status da_model_add_training(da_model *model, const da_training_record *training);
da_status da_model_set_run(da_model *model, const char *json);

/* Weights of convolutions and linear layers: normal, variance 2 / fan_in (He et al., "Delving deep into rectifiers",
   ICCV 2015, eq. 10) or 2 / (fan_in + fan_out) (Glorot and Bengio, AISTATS 2010, eq. 12); fan_in counts the values one
   output is made from, fan_out the outputs one value goes into. Batch norm: scale 1, shift 0, running mean 0 and
   variance 1. Biases: 0. Value i of a parameter, in file order, is value i of the stream (seed, full name), so that a
   layer's start does not depend on its neighbours. Frozen parameters stay. */
typedef enum da_initialization { DA_INIT_HE, DA_INIT_XAVIER } da_initialization;
da_status da_model_initialize(da_model *model, da_initialization how, uint64_t seed);

/* Forward of all units; x is N H W C float32. The range form runs units [begin, end) only, on what unit begin takes.
   While the graph is not recording, values are given back as soon as the layer that reads them is done. */
da_node *da_model_forward(da_model *model, da_forward *forward, da_node *x);
da_node *da_model_forward_range(da_model *model, int begin, int end, da_forward *forward, da_node *x);

/* "direct", "winograd", "auto", and back; DA_ERROR_FORMAT for any other word. */
const char *da_conv_method_name(da_conv_method method);
da_status   da_conv_method_parse(da_conv_method *method, const char *name);

/* All parameters and buffers in chain order, with full names. The list is a snapshot: edits of the chain end it. */
typedef struct da_named_parameter { char *name; da_parameter *parameter; int unit; } da_named_parameter;
/* one block with its names */
typedef struct da_parameter_list { da_named_parameter *items; int count; } da_parameter_list;
da_status da_model_parameters(const da_model *model, da_parameter_list *list);
void      da_parameter_list_free(da_parameter_list *list);

/* Units by name. find: index, or -1 with an error that lists the names there are. */
int       da_model_find(const da_model *model, const char *unit_name);

/* Freezing. Frozen parameters and buffers do not move by a bit. only: all units frozen but these names; when one of
   them is not there nothing changes. */
void      da_model_freeze_all(da_model *model, bool frozen);
da_status da_model_train_only(da_model *model, const char *const *unit_names, int count);

/* Surgery. can_remove: DA_OK, or DA_ERROR_SHAPE with the reason why units [begin, end) cannot go (the shape before them
   and after them differ, or the chain would be empty), or DA_ERROR_ARGUMENT (no such range). remove: does it for real;
   names of the others stay. repeat: puts a copy of a unit behind it, "layer1.1-2" behind layer1.1, with the same
   values; DA_ERROR_SHAPE when it gives another shape than it takes, DA_ERROR_ARGUMENT (no such unit, too many). */
da_status da_model_can_remove(const da_model *model, int begin, int end);
da_status da_model_remove(da_model *model, int begin, int end);
da_status da_model_repeat(da_model *model, int unit);
da_status da_model_copy(da_model **copy, const da_model *model); /* deep */

/* SHA-256 over parameters and buffers in name order; hex of 64 digits. For each: full name, a zero byte, "F32", a zero
   byte, number of dimensions and sizes as little-endian uint64 in file order, then the values as little-endian float32
   in file order: what a reader of the checkpoint can recompute. unit < 0: the whole model, else that unit alone. */
da_status da_model_hash(const da_model *model, int unit, char hex[65]);

/* SHA-256 over the whole network: its description, the text of "deeparc.model" in a checkpoint without the member
   "architecture", a zero byte, da_model_hash of the whole model as 64 digits, a zero byte. So it covers input, classes
   and their names, normalisation, the method of convolutions, all units with their options, and all values. It does not
   cover `architecture`, which says how the network came about and changes nothing it computes, nor what is frozen. */
da_status da_model_fingerprint(const da_model *model, char hex[65]);

/* Sizes. Multiply-adds (of convolutions and linear layers) and activation bytes (every value computed, which is what
   training keeps) are for one sample. parameters counts values that train or, frozen of them, may; buffers the running
   statistics. */
typedef struct da_model_size { int64_t parameters, frozen, buffers, multiply_adds, activation_bytes; } da_model_size;
da_status da_model_measure(const da_model *model, da_model_size *total,
                           da_model_size *per_unit /* unit_count, or NULL */);

DA_C_END

#endif
