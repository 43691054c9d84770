/* Inside optim: running a model in inference mode over a feed, again and again without new memory. */
#ifndef DA_OPTIM_EVALUATE_H
#define DA_OPTIM_EVALUATE_H

#include "layers/inference.h"
#include "optim/feed.h"
#include "optim/trainer.h"

typedef struct dai_evaluator {
    da_model     *model;
    da_feed      *feed;
    da_inference *inference;
    float        *logits; /* of the largest batch */
} dai_evaluator;

/* Model and feed are borrowed. */
da_status dai_evaluator_init(dai_evaluator *evaluator, da_model *model, da_feed *feed);
void      dai_evaluator_free(dai_evaluator *evaluator); /* takes one that is all zero, and leaves it so */
da_status dai_evaluator_run(const dai_evaluator *evaluator, float *logits, da_evaluation *result);

#endif
