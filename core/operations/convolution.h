/* What the operations with a convolution in them share. Operand 0 is x (N H W C), operand 1 the weight (R S C/groups K);
 * node->options begins with da_conv2d_options.
 */
#ifndef DA_CORE_OPERATIONS_CONVOLUTION_H
#define DA_CORE_OPERATIONS_CONVOLUTION_H

#include "core/kernels/kernels.h"
#include "core/node.h"

da_convolution  dai_convolution_of(const da_node *node);
bool            dai_conv2d_shape(da_node *node); /* checks operands 0 and 1 and sets the output's shape; fails the node */
bool            dai_conv2d_bias_fits(da_node *node); /* checks operand 2, if there is one */
da_image_source dai_images_of(const da_node *input); /* its value, or its value in the making; borrows the node */

/* The gradients of operands 0 and 1, and of a bias as operand 2, from the gradient of the convolution's output. */
void            dai_conv2d_backward(da_node *node, da_image_source dy, bool bias);

#endif
