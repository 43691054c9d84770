/* A layer: an operation of core with a name, options, parameters and, for compound layers, children.
 *
 *     "layer2.0"  residual ──┬── "conv1"    conv2d      weight
 *                            ├── "bn1"      batch_norm  weight bias running_mean running_var
 *                            ├── "conv2", "bn2"
 *                            └── "shortcut" ...
 *
 * The full name of a parameter is the path: layer2.0.conv1.weight, which is PyTorch's name for it. Files keep PyTorch's
 * order of dimensions (OIHW, O x I); memory keeps the order the kernels want (R S C K, D x K); a da_layout maps one to
 * the other.
 */
#ifndef DA_LAYERS_LAYER_H
#define DA_LAYERS_LAYER_H

#include "core/graph.h"
#include "core/json.h"

DA_C_BEGIN

enum { DA_MAX_PATH = 128 }; /* characters of a full name */

/* file order -> memory order: the file's tensor, seen with shape `view`, is permuted by `axes`.
   convolution: view O I R S, axes {2,3,1,0}; linear: O I, {1,0}; linear on N H W C images: O C H W, {2,3,1,0}. */
typedef struct da_layout {
    int file_ndim, view_ndim;
    int64_t file_shape[DA_MAX_DIMS], view[DA_MAX_DIMS];
    int axes[DA_MAX_DIMS];
} da_layout;

typedef struct da_parameter {
    const char *name;   /* "weight", "bias", "running_mean", "running_var" */
    da_tensor value;    /* memory order */
    da_tensor gradient; /* same shape; none for buffers */
    bool has_gradient;  /* all of it, from a backward that succeeded; set by the graph */
    bool buffer;        /* not trained: running statistics */
    bool frozen;        /* not to be moved: neither by gradient nor by weight decay nor by batch statistics */
    da_layout layout;
} da_parameter;

typedef enum da_layer_kind {
    DA_LAYER_CONV2D, DA_LAYER_LINEAR, DA_LAYER_BATCH_NORM, DA_LAYER_RELU, DA_LAYER_LEAKY_RELU, DA_LAYER_SOFTMAX,
    DA_LAYER_MAX_POOL, DA_LAYER_AVERAGE_POOL, DA_LAYER_GLOBAL_AVERAGE_POOL, DA_LAYER_FLATTEN, DA_LAYER_DROPOUT,
    DA_LAYER_RESIDUAL, DA_LAYER_SEQUENTIAL,
#define DA_ROW(name, NAME, ...) DA_LAYER_##NAME, /* DA_LAYER_GELU, DA_LAYER_SILU, ... */
    DA_ACTIVATIONS(DA_ROW)
#undef DA_ROW
    DA_LAYER_KIND_COUNT
} da_layer_kind;

typedef enum da_shortcut {
    DA_SHORTCUT_IDENTITY,   /* shapes in and out are equal */
    DA_SHORTCUT_PAD,        /* option A of He et al.: subsample, and zero channels added half before, half after */
    DA_SHORTCUT_CONV,       /* option B: 1x1 convolution */
    DA_SHORTCUT_CONV_NORM   /* option B with batch norm */
} da_shortcut;

/* What a layer is made from; each kind reads the fields named beside it. Zero means the default; options.c has the
   names, bounds and defaults, layer.c which kind reads what. A field that is set although the kind does not read it is
   an error. */
typedef struct da_layer_options {
    da_layer_kind kind;
    int64_t outputs;            /* conv2d, linear, residual: channels or features out */
    int64_t kernel, stride, padding, groups; /* conv2d; stride also residual; 0 means 1 but for padding */
    bool    no_bias;            /* conv2d, linear */
    int64_t size;               /* pools: window (with stride, 0 meaning size, and padding) */
    float   momentum, epsilon;  /* batch_norm, residual: 0 means .1 and 1e-5 */
    float   slope;              /* leaky_relu: 0 means .01 */
    float   probability;        /* dropout: 0 means .5 */
    da_shortcut shortcut;       /* residual */
    const char *shortcut_name;  /* residual: the child's name in files, "shortcut" (NULL means it) or "downsample" */
} da_layer_options;

typedef struct da_layer da_layer;
struct da_layer {
    char *path;                 /* full name: "layer2.0.conv1" */
    const char *name;           /* its last part, "conv1"; a unit's is its whole path, "layer2.0" */
    char *sum_path;             /* residual: "layer2.0.add"; else NULL */
    da_layer_options options;   /* complete: defaults are filled in */
    int in_ndim, out_ndim;      /* features of one sample: H W C, or D */
    int64_t in_shape[3], out_shape[3];
    da_parameter *parameters;   /* weight, bias, running_mean, running_var: those the kind has */
    int parameter_count;
    da_layer **children;        /* residual: conv1 bn1 relu1 conv2 bn2 [shortcut with weights] */
    int child_count;
};

/* How convolutions are computed. Each way has bits of its own, the same everywhere; a model records its own. WINOGRAD:
   every 3x3 convolution of stride 1 without groups, in tiles of 4 x 4 outputs, of 2 x 2 where the output has fewer than
   4 rows or columns. AUTO: those of them where it is faster, which are the ones with 16 channels or more on both sides
   and tiles of 4; a rule of shapes alone. */
typedef enum da_conv_method { DA_CONV_DIRECT, DA_CONV_WINOGRAD, DA_CONV_AUTO } da_conv_method;

/* Everything a forward pass needs to know. observe, when set, sees the output of every layer, children first, by its
   full name ("layer2.0.conv1", "layer2.0.add" for the sum before its ReLU, "layer2.0"); depth 0 is a unit of the chain.
   While the graph is not recording, an output lives until the layer after it is done: copy in observe what is needed
   longer. wants says which names observe is to see (NULL: all of them): layers between, of which none is wanted, run as
   one operation where there is one, with the same bits and less memory. */
typedef struct da_forward {
    da_graph *graph;
    bool training;              /* batch statistics and dropout; frozen batch norms use their running ones */
    uint64_t seed, step;        /* of dropout */
    void (*observe)(void *context, const char *name, int depth, da_node *output);
    bool (*wants)(void *context, const char *name);
    void *context;
    int depth;                  /* of the layers being run; callers leave it zero */
    da_conv_method conv;        /* da_model_forward takes it from the model */
} da_forward;

/* Builds a layer for inputs of this shape (1 dimension: features; 3: H W C); parameters are zero (scale and running
   variance one) until initialised. Errors: DA_ERROR_ARGUMENT (an option out of bounds, or one the kind does not read),
   DA_ERROR_SHAPE (the input does not fit), DA_ERROR_MEMORY. free takes NULL. A sequential is made by the residual layer
   that contains it, not on its own. */
da_status da_layer_new(da_layer **layer, const char *name, const da_layer_options *options, int in_ndim,
                       const int64_t *in_shape);
void      da_layer_free(da_layer *layer);

/* One pass; x is N and the input shape. No heap call. Poison flows: check da_graph_status at the end. */
da_node  *da_layer_forward(da_layer *layer, da_forward *forward, da_node *x);

bool da_layer_takes_winograd(const da_layer *layer); /* is it, or holds it, a convolution that DA_CONV_WINOGRAD changes? */
const char *da_layer_kind_name(da_layer_kind kind); /* "conv2d", "linear", ...: as in checkpoints */
int64_t   da_parameter_count(const da_parameter *parameter); /* values it holds */

/* Options to and from JSON (the description inside checkpoints). write puts the members into the object that is open,
   leaving out fields at their default; read takes an object and skips its member "name".
   Errors: DA_ERROR_FORMAT (unknown kind or option, a value out of bounds). */
void      da_layer_options_write(const da_layer_options *options, da_json_writer *to);
da_status da_layer_options_read(da_layer_options *options, const da_json *object);

/* File order to memory order and back; both arrays hold da_parameter_count values. */
void      da_layout_to_memory(const da_layout *layout, const float *file, float *memory);
void      da_layout_to_file(const da_layout *layout, const float *memory, float *file);

DA_C_END

#endif
