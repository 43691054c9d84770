/* Inside optim: running a model in inference mode over a subset, again and again without new memory. */
#ifndef DA_OPTIM_EVALUATE_H
#define DA_OPTIM_EVALUATE_H

#include "layers/inference.h"
#include "optim/trainer.h"

typedef struct dai_evaluator {
    da_model  *model;
    da_inference *inference;
    da_batcher batcher;
    float     *images, *logits; /* of the largest batch */
    uint8_t   *labels; /* NULL when the data have none */
} dai_evaluator;

/* The subset, its data set and the model are borrowed. */
da_status dai_evaluator_init(dai_evaluator *evaluator, da_model *model, const da_subset *subset, int64_t batch);
void      dai_evaluator_free(dai_evaluator *evaluator); /* takes one that is all zero, and leaves it so */
da_status dai_evaluator_run(dai_evaluator *evaluator, float *logits, da_evaluation *result);

/* DA_OK when images and labels of the data set suit the model. */
da_status dai_data_check(const da_model *model, const da_dataset *data);
/* The same images and labels, to be normalised the model's way; borrows everything from data. */
da_dataset dai_data_normalized(const da_dataset *data, const da_normalization *normalization);
/* The class a row of logits names, the first of equal ones; -1: none, as one of them is not a number. */
int64_t dai_named_class(const float *row, int64_t classes);
/* How many of n samples name the class that is their label. */
int64_t dai_count_correct(const da_tensor *logits, const uint8_t *labels);
/* A monotonic clock, for progress and logs only. */
double dai_seconds(void);

#endif
