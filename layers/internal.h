/* What the files of this folder share.
 *
 * A model is made in two steps, so that a description found in a file is judged before memory is taken for it:
 *
 *     plan       options and shapes are checked, names, children and layouts exist, parameters have no memory
 *     allocate   parameters get memory and their first values
 */
#ifndef DA_LAYERS_INTERNAL_H
#define DA_LAYERS_INTERNAL_H

#include "core/safetensors.h"
#include "layers/model.h"
#include "layers/zoo.h"

/* Bounds that keep every product of shapes far inside 64 bits. */
#define DAI_MAX_VALUES     (INT64_C(1) << 24) /* values a layer gives for one sample, or makes one output from */
#define DAI_MAX_PARAMETERS (INT64_C(1) << 28) /* values of one parameter */

/* One kind of layer. options: bits of the fields it reads (options.c). plan: sets out_shape, parameters and children
   from complete options and in_shape. */
typedef struct dai_kind {
    const char *name;
    unsigned    options;
    da_status (*plan)(da_layer *layer);
    da_node  *(*forward)(da_layer *layer, da_forward *forward, da_node *x);
} dai_kind;

const dai_kind *dai_kind_of(da_layer_kind kind); /* NULL when there is no such kind */

/* The fields of da_layer_options, a bit each. */
enum {
    DAI_OUTPUTS = 1 << 0, DAI_KERNEL = 1 << 1, DAI_STRIDE = 1 << 2, DAI_PADDING = 1 << 3, DAI_GROUPS = 1 << 4,
    DAI_NO_BIAS = 1 << 5, DAI_SIZE = 1 << 6, DAI_MOMENTUM = 1 << 7, DAI_EPSILON = 1 << 8, DAI_SLOPE = 1 << 9,
    DAI_PROBABILITY = 1 << 10, DAI_SHORTCUT = 1 << 11, DAI_SHORTCUT_NAME = 1 << 12
};

/* Fills in defaults; on DA_ERROR_ARGUMENT (out of bounds, not read by the kind) options stay as they were. */
da_status dai_options_complete(da_layer_options *options, const char *path);

/* Layers. inner: a child of `parent`, or NULL for a unit. */
da_status dai_layer_plan(da_layer **layer, const da_layer *parent, const char *name, const da_layer_options *options,
                         int in_ndim, const int64_t *in_shape);
da_status dai_layer_allocate(da_layer *layer);
/* zeros; ones for batch norm's scale and running_var */
void      dai_parameter_reset(da_parameter *p, da_layer_kind kind);
da_status dai_layer_add_child(da_layer *layer, const char *name, const da_layer_options *options, int in_ndim,
                              const int64_t *in_shape);
da_status dai_layer_fail_shape(const da_layer *layer, const char *rule); /* "conv2d 'conv1': RULE (input 28x28x1)" */
da_status dai_residual_plan(da_layer *layer);
da_node  *dai_residual_forward(da_layer *layer, da_forward *forward, da_node *x);

/* Runs layers one after the other, giving back what is no longer read. Where nobody observes them, a convolution and the
   batch norm, ReLU or max pool behind it are one operation, with the same bits. conv_norm: the first two of `layers` and
   what follows them. */
da_node *dai_conv_norm_forward(da_layer *const *layers, da_forward *forward, da_node *x, da_node *shortcut, bool relu);
/* Is the output of this name to be observed? report: shows it, if so. */
bool     dai_layer_wanted(const da_forward *forward, const char *path);
void     dai_layer_report(const da_forward *forward, const char *path, da_node *y);
da_node *dai_layers_forward(da_layer *const *layers, int count, da_forward *forward, da_node *x);

/* Calls visit for a layer and all below it, the layer first. */
void dai_layer_walk(da_layer *layer, void (*visit)(void *context, da_layer *layer), void *context);

/* Ends a two-step construction: *out takes what was made when status is DA_OK, else it is freed. Returns status. */
da_status dai_model_hand_over(da_model **out, da_model *made, da_status status);

/* A key of 64 bits for a name (FNV-1a): what tells the random streams of layers and parameters apart. */
uint64_t dai_name_key(const char *name);

/* Models in two steps. */
da_status dai_model_plan_unit(da_model *model, const char *name, const da_layer_options *options);
da_status dai_model_allocate(da_model *model);

/* The zoo and the description of a model, planned. network: what a ResNet's file may vary. */
typedef struct dai_resnet {
    int64_t width;                 /* of the first stage; the next have twice and four times as many channels */
    int64_t blocks;                /* a stage */
    da_shortcut shortcut;
    const char *shortcut_name;     /* NULL: "shortcut" */
    const char *head;              /* "linear" or "fc" */
} dai_resnet;
da_status dai_resnet_plan(da_model **model, const char *architecture, const dai_resnet *network,
                          const int64_t input_shape[3], int classes);
da_status dai_zoo_plan(da_model **model, const char *name, const int64_t input_shape[3], int classes,
                       const da_zoo_options *options);

/* describe.c: the JSON of "deeparc.model"; named: with the architecture, without which it says what the network computes
   and no more. The text is the caller's to da_free. name stands in messages. */
da_status dai_model_describe(const da_model *model, bool named, char **text);
da_status dai_model_plan_described(da_model **model, const char *text, const char *name);

/* history.c: the JSON of "deeparc.trainings" (NULL: none; the caller's to da_free), and back; text NULL: no training.
   read writes trainings, all or nothing, and frees those that were there. */
void      dai_history_free(da_history *history);
da_status dai_trainings_write(const da_history *history, char **text);
da_status dai_trainings_read(da_history *history, const char *text);

/* seal.c: the fingerprints that a file carries. make: of content, its entries by name with values in the machine's order,
   its metadata by key. check: DA_ERROR_FORMAT when the file is not what its own fingerprints were made of. */
#define DAI_SEAL "deeparc.fingerprints"
enum { DAI_SEAL_ROOM = 288 };
da_status dai_seal_make(const da_safetensors *content, const da_model *model, char text[DAI_SEAL_ROOM]);
da_status dai_seal_check(const da_safetensors *file, const char *path);

/* parameters.c: da_model_fingerprint of a model whose da_model_hash is `values`. */
da_status dai_model_fingerprint(const da_model *model, const char values[65], char hex[65]);

/* recognise.c: plans the model whose names and shapes the tensors of a file have. */
da_status dai_model_recognise(da_model **model, const da_safetensors *file);

/* checkpoint.c: the tensor a file has for this name, which may put "module." or "_orig_mod." before it; NULL: none. */
const da_safetensors_entry *dai_checkpoint_entry(const da_safetensors *file, const char *name);

#endif
