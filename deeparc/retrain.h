/* Local retraining: some units learn, and everything else provably does not move by a bit.
 *
 *     before    conv1 9f3c..   layer1.0 71aa..   layer2.0 c04b..   linear 5e19..       a SHA-256 a unit
 *     train                                      layer2.0
 *     after     conv1 9f3c..   layer1.0 71aa..   layer2.0 8d27..   linear 5e19..       equal wherever nothing may move
 *
 * A frozen unit takes no gradient, no weight decay and no momentum, and its batch norms use their running statistics
 * without touching them. The hashes do not believe that: they are taken from the weights themselves.
 */
#ifndef DA_DEEPARC_RETRAIN_H
#define DA_DEEPARC_RETRAIN_H

#include "optim/trainer.h"

DA_C_BEGIN

typedef struct da_unit_proof {
    int64_t values;             /* parameters and running statistics of the unit */
    char    before[65], after[65];
    bool    trained;            /* was it asked to learn? */
} da_unit_proof;

typedef struct da_retrain_proof {
    int unit_count;
    da_unit_proof *units;       /* in the order of the chain; owned */
    int     moved, unmoved;     /* units with values: hash changed, hash equal */
    int64_t values_trained, values_frozen;
} da_retrain_proof;

/* Trains the named units only; count 0 trains all of them. Which parameters are frozen is afterwards as it was before.
   options and result (may be NULL) as in da_train. The proof is filled on success and on interruption. Errors: those of
   da_train (a checkpoint of another model is found before the first step); DA_ERROR_NOT_FOUND (no such unit; nothing
   was trained); DA_ERROR_ARGUMENT (units without parameters alone); DA_ERROR_NUMERIC, naming it, when a unit moved that
   had no right to. */
da_status da_retrain(da_model *model, const da_dataset *data, const char *const *units, int count,
                     const da_trainer_options *options, da_training_result *result, da_retrain_proof *proof);
/* What da_retrain would say of the units, before data are there: DA_ERROR_NOT_FOUND, DA_ERROR_ARGUMENT, or DA_OK. */
da_status da_retrain_check(const da_model *model, const char *const *units, int count);
void      da_retrain_proof_free(da_retrain_proof *proof); /* takes one of all zero bytes, and leaves it so */

static inline bool da_unit_moved(const da_unit_proof *unit) {
    for (int i = 0; i < 64; i++)
        if (unit->before[i] != unit->after[i]) return true;
    return false;
}

DA_C_END

#endif
