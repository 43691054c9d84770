/* deeparc: a deep-learning framework with DeepArc built in. This header includes all public ones.
 *
 *     cc program.c $(pkg-config --cflags --libs deeparc)      installed
 *     cc -I. program.c build/libdeeparc.a -lm -lpthread       from the folder of the sources
 *
 * The thirty functions to know first:
 *
 *     da_error_message         the sentence of what went wrong: calls return a da_status, and print nothing
 *     da_threads_set           how many threads; whatever their number, the result has the same bits
 *     da_dataset_load          MNIST, CIFAR, a folder, a file, or drawn digits: images and labels, as bytes
 *     da_dataset_free
 *     da_zoo_build             a network by name: "mlp", "lenet", "resnet20" ...
 *     da_model_new             ... or one of your own: an empty chain
 *     da_model_append          ... and its next layer
 *     da_model_initialize      its first weights, from a seed
 *     da_model_free
 *     da_trainer_for           options of training that suit a network and its data: those of `deeparc train`
 *     da_train                 trains: epochs, validation, log, checkpoints
 *     da_evaluate              loss and accuracy on a data set
 *     da_checkpoint_save       to a .safetensors file that describes itself
 *     da_checkpoint_load       ... and from one; PyTorch's ResNets for CIFAR too
 *     da_model_hash            the SHA-256 of its values
 *     da_batcher_init          a loop of your own: batches of a data set
 *     da_batcher_read          ... the next of them, normalised
 *     da_graph_new             ... the tape that remembers what was computed
 *     da_graph_input           ... a tensor on it
 *     da_model_forward         ... the network's logits
 *     da_cross_entropy         ... their loss
 *     da_graph_backward        ... its gradients
 *     da_graph_status          ... what went wrong first, if anything did
 *     da_graph_reset           ... and the end of the step
 *     da_optimizer_new         SGD, Adam, AdamW
 *     da_optimizer_step        moves the weights
 *     da_measure               how similar the layers are: CKA of all pairs
 *     da_partition_extract     the semantic modules of that matrix
 *     da_restructure_remove    a copy of the network without some of its blocks
 *     da_retrain               trains some units; a SHA-256 of each unit shows that no other has moved
 *
 * Ownership, threads and flags: README.md, "Embedding". What a call takes, gives and refuses stands in its own header.
 */
#ifndef DA_DEEPARC_DEEPARC_H
#define DA_DEEPARC_DEEPARC_H

#include "core/api.h"
#include "core/status.h"
#include "core/memory.h"
#include "core/tensor.h"
#include "core/graph.h"
#include "core/random.h"
#include "core/parallel.h"
#include "core/json.h"
#include "core/safetensors.h"
#include "core/npy.h"
#include "core/csv.h"

#include "datasets/dataset.h"
#include "datasets/subset.h"
#include "datasets/augment.h"
#include "datasets/batch.h"

#include "layers/layer.h"
#include "layers/model.h"
#include "layers/zoo.h"
#include "layers/checkpoint.h"
#include "layers/inference.h"

#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "optim/feed.h"
#include "optim/trainer.h"

#include "deeparc/similarity.h"
#include "deeparc/measure.h"
#include "deeparc/partition.h"
#include "deeparc/fisher.h"
#include "deeparc/stability.h"
#include "deeparc/order.h"
#include "deeparc/restructure.h"
#include "deeparc/retrain.h"
#include "deeparc/features.h"
#include "deeparc/probe.h"
#include "deeparc/attack.h"
#include "deeparc/properties.h"

#endif
