/* The zoo: networks by name.
 *
 *     mlp  mlp-512-256     fc1, fc2, ...: linear + ReLU       (default widths 512, 256)
 *     lenet                conv1 6@5x5 pad 2, pool, conv2 16@5x5, pool, fc1 120, fc2 84, fc3
 *     smallcnn             conv1 32@3x3, conv2 64@3x3, pool, fc1 128, fc2
 *     vgg11 vgg16          3x3 convolutions with batch norm, features.N and classifier
 *     resnet<6n+2>         conv1, bn1, layer1.0 ... layer3.(n-1), linear (He et al. 2016, CIFAR), widths 16, 32, 64;
 *                          resnet20x0.5 halves them
 */
#ifndef DA_LAYERS_ZOO_H
#define DA_LAYERS_ZOO_H

#include "layers/model.h"

DA_C_BEGIN

#define DA_ZOO_NAMES "mlp, mlp-512-256, lenet, smallcnn, vgg11, vgg16, resnet20 (any 6n+2), resnet20x0.5"

typedef struct da_zoo_options {
    da_shortcut shortcut;   /* of the blocks that change shape; DA_SHORTCUT_IDENTITY (zero) means the default, PAD */
} da_zoo_options;

/* Parameters are zero until da_model_initialize. Errors: DA_ERROR_NOT_FOUND (unknown name, the known ones are listed),
   DA_ERROR_SHAPE (the input is too small for the network). options may be NULL. */
da_status da_zoo_build(da_model **model, const char *name, const int64_t input_shape[3], int classes,
                       const da_zoo_options *options);

/* Is there a network of that name? DA_ERROR_NOT_FOUND lists those there are. Takes no memory for parameters. */
da_status da_zoo_check(const char *name);

/* What serves well to train a network whose architecture begins with the name of one here: SGD with momentum .9 and one
   cycle up to `rate`. shift: of drawings, in pixels at most: what keeps a network without batch norm from learning them by
   heart. da_trainer_for makes options of it. */
typedef struct da_recipe { float rate, weight_decay; int64_t batch; int shift; } da_recipe;
da_recipe da_zoo_recipe(const char *architecture);

DA_C_END

#endif
