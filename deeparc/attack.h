/* Adversarial images: no pixel moves by more than epsilon, and the loss rises as far as that allows.
 *
 *     a pixel     0 ....... [ x - epsilon ..... x ..... x + epsilon ] ....... 255        both bounds hold at every step
 *
 *     FGSM        x + epsilon sign(dL/dx)                                  one step; Goodfellow et al. (ICLR 2015)
 *     PGD         x0 = x + uniform(-epsilon, epsilon), then `steps` times
 *                 x(k+1) = clip(x(k) + step sign(dL/dx(k)))                Madry et al. (ICLR 2018, section 2.1)
 *
 * L is the cross-entropy with the true label; the model is in inference mode, its batch norms with running statistics.
 * Of dL/dx only signs count, so dL/dz, by the logits, is divided by what the other classes have together: it becomes -1 at
 * the label and their shares elsewhere, and a network that is sure, whose dL/dz may be 1e-40, is attacked like any other.
 * Images are not rounded to whole pixel values afterwards, as is customary. A model that is accurate under such attacks
 * is robust to these attacks, at this strength, and to nothing else.
 */
#ifndef DA_DEEPARC_ATTACK_H
#define DA_DEEPARC_ATTACK_H

#include "datasets/dataset.h"
#include "layers/model.h"

#include <signal.h>

DA_C_BEGIN

typedef enum da_attack_kind { DA_ATTACK_FGSM, DA_ATTACK_PGD } da_attack_kind;

typedef struct da_attack_options {
    da_attack_kind kind;
    double   epsilon;       /* the largest change of a pixel, as a share of the pixel range: 2.0 / 255; 0 to 1 */
    int      steps;         /* PGD: 0 means 10. FGSM has 1: 0 or 1 */
    double   step;          /* PGD: of that unit, too; 0 means 2.5 epsilon / steps. FGSM: 0 or epsilon */
    bool     no_start;      /* PGD begins at the image itself, not at a random place near it. FGSM always does */
    uint64_t seed;          /* of the random places: value i of an image is a function of (seed, its number, i) */
} da_attack_options;

/* Fills in what is 0; a second time changes nothing. DA_ERROR_ARGUMENT (epsilon or step out of bounds, an option of PGD
   given to FGSM). */
da_status da_attack_complete(da_attack_options *options);

/* Attacks one batch after the other. Holds a copy of the model whose parameters are frozen, so that a backward pass
   goes to the image alone. batch: the most images at a time; memory grows with it as in training. */
typedef struct da_attacker da_attacker;
da_status da_attacker_new(da_attacker **attacker, const da_model *model, const da_attack_options *options,
                          int64_t batch);
void      da_attacker_free(da_attacker *attacker); /* takes NULL */

/* What an attack came to. flat: images whose gradient was zero (or no number) at the last step, so that the attack did
   not know where to go. That they are still right says nothing of robustness: with flat above 0, the accuracy is a bound
   from above. */
typedef struct da_attack_result { int64_t images, correct, flat; } da_attack_result;

/* clean: n x H x W x C, normalised the model's way; labels: n; samples: the numbers of these images. Writes as many
   adversarial ones, and to *result (may be NULL) how the model does on them. The same bits on any number of threads and
   whatever the other images of a batch are. Cost: a forward and a backward pass a step. Errors: DA_ERROR_ARGUMENT (n above
   batch, a label beyond the classes), DA_ERROR_SHAPE, DA_ERROR_MEMORY. */
da_status da_attacker_run(da_attacker *attacker, const float *clean, const uint8_t *labels, const int64_t *samples,
                          int64_t n, float *adversarial, da_attack_result *result);

/* All of the first `limit` images (0: all). The data need labels, and the model a normalisation. stop: looked at between
   batches; NULL: never. Errors: DA_ERROR_ARGUMENT, DA_ERROR_SHAPE (data that do not suit the model),
   DA_ERROR_INTERRUPTED (*stop was set), DA_ERROR_MEMORY. */
da_status da_attack_evaluate(const da_model *model, const da_dataset *data, const da_attack_options *options,
                             int64_t limit, int64_t batch, const volatile sig_atomic_t *stop, da_attack_result *result);

DA_C_END

#endif
