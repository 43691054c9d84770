/* What does a module preserve? Blocks are removed from a network, or repeated in it, one after the other and without
 * any training, and three properties are followed (RQ2 of Ren et al., ICSE 2023):
 *
 *     fitting               accuracy, loss, and how far the answers are from the original's (KL divergence)
 *     robustness            accuracy under attack: FGSM, PGD (deeparc/attack.h)
 *     linear separability   accuracy of linear probes on the features of the last block (deeparc/probe.h)
 *
 *     modules    [0 1 2 3)   [4)   [5)   [6 7 8)          the order of Algorithm 2, openers of modules left alone:
 *     inside      . 3 2 1                 . 5 4           3; 3 2; 3 2 1; 3 2 1 8; 3 2 1 8 7
 *     controls     4 5 in random orders                   4; 4 5 and 5; 5 4
 *
 * A curve says little alone, as any network gets worse with fewer blocks: what counts is the distance between the curve
 * inside modules and those of the same number of blocks outside. A control draws its blocks at random; its pool are the
 * blocks that can be edited and lie in no module of several, or, where those are too few, all that can be edited. A
 * block can be edited when it gives the shape that it takes.
 *
 * Early blocks and late ones differ, whatever their modules. Among stages, the k-th block of a control is of the stage of
 * the k-th block inside, so that only membership in a module is left to compare.
 *
 * Were the curve inside one more control, every place among them would be as likely: of C controls, the p-value is
 * (1 + how many are at least as good as it) / (C + 1), by the mean over the curve (a permutation test whose orders are
 * drawn: Phipson and Smyth, "Permutation P-values should never be zero", 2010). Small: modules preserve more than chance.
 */
#ifndef DA_DEEPARC_PROPERTIES_H
#define DA_DEEPARC_PROPERTIES_H

#include "deeparc/attack.h"
#include "deeparc/partition.h"
#include "deeparc/probe.h"

DA_C_BEGIN

typedef enum da_edit { DA_EDIT_REMOVE, DA_EDIT_REPEAT } da_edit;
/* what controls choose among; auto: outside where there are enough blocks, else anywhere; stages: auto in every stage */
typedef enum da_among { DA_AMONG_AUTO, DA_AMONG_OUTSIDE, DA_AMONG_ANYWHERE, DA_AMONG_STAGES } da_among;

typedef enum da_property {
    DA_PROPERTY_ACCURACY,
    DA_PROPERTY_LOSS,       /* mean cross-entropy */
    DA_PROPERTY_DIVERGENCE, /* mean KL(original || edited) of the class probabilities, in nats */
    DA_PROPERTY_FGSM, DA_PROPERTY_PGD,      /* accuracy under attack */
    DA_PROPERTY_RIDGE, DA_PROPERTY_SOFTMAX, /* accuracy of probes on the last block */
    DA_PROPERTY_COUNT
} da_property;
const char *da_property_name(da_property property); /* "accuracy", "loss", "divergence", "fgsm", ... */
bool        da_property_is_share(da_property property); /* an accuracy, to be shown in percent */

typedef struct da_properties_options {
    da_edit edit;
    int     most;                /* edits a curve; 0: as many as there are */
    int     controls;            /* random curves; 0: none */
    da_among among;
    uint64_t seed;               /* of the controls, and of the attack's random places */
    int64_t batch;               /* images at a time; 0 means 128 */
    const da_dataset *test;      /* tells the properties; with labels */
    const da_dataset *learn;     /* probes learn from it; NULL: no probes */
    da_attack_options fgsm, pgd; /* their kinds and seeds are set here */
    int64_t attacked;            /* the first so many test images are attacked; 0: no attacks */
    const volatile sig_atomic_t *stop;
    void  (*progress)(void *context, int64_t done, int64_t networks); /* or NULL */
    void   *context;
} da_properties_options;

/* One network. What was not measured, or is no number (of an edited network whose logits overflow), is NaN. flat: beside an
   accuracy under attack, how many images had no gradient to follow (da_attack_result); 0 elsewhere. */
typedef struct da_point { double value[DA_PROPERTY_COUNT]; int64_t flat[DA_PROPERTY_COUNT]; } da_point;

typedef struct da_curve {
    int       edits;
    int      *layer; /* edits: layer[k] goes at step k + 1 */
    da_point *point; /* edits + 1: point[k] is the network with k edits */
} da_curve;

typedef struct da_spread { int count; double mean, deviation, low, high; } da_spread; /* deviation: of the sample;
                                                                                        NaN of fewer than 2 */

typedef struct da_properties {
    int       layers;      /* of the partition */
    da_curve  inside;
    da_curve *control;
    int       controls;
    int       pool_size;   /* blocks that the controls choose among */
    bool      anywhere;    /* the pool has blocks of modules too, in one stage at least */
    bool      by_stage;    /* controls follow the stages of the curve inside */
    int       openers;     /* first blocks of modules, which stay */
    int       stuck;       /* blocks of the order that cannot be edited, as they change the shape */
    double   *ridge;       /* (inside.edits + 1) x layers: the ridge probe on every block; NaN: not there; or NULL */
    double   *softmax;     /* layers: of the original; or NULL */
    int       above;       /* softmax probes that stopped above their minimum */
    int64_t   samples;     /* test images */
    void     *block;       /* holds the arrays above */
} da_properties;

/* names: the unit of each layer of the partition. Errors: DA_ERROR_ARGUMENT (options, no labels, nothing to edit, no
   pool), DA_ERROR_NOT_FOUND (a name that is no unit), DA_ERROR_SHAPE (names out of order, data that do not suit the
   model), DA_ERROR_INTERRUPTED, DA_ERROR_MEMORY. *out is written on success only. Cost, for each network: a pass over
   both data sets, and 2 + 2 steps(PGD) passes and more over the attacked images; sets of blocks that come again are
   measured once. */
da_status da_properties_measure(const da_model *model, const da_partition *partition, const char *const *names,
                                const da_properties_options *options, da_properties *out);
void      da_properties_free(da_properties *properties); /* takes one of all zero bytes, and leaves it so */

/* Of the controls that have a point `edits`: what they say about a property; those with NaN do not count. */
da_spread da_properties_spread(const da_properties *properties, int edits, da_property property);

/* The p-value above, over the numbers of edits that all curves have; NaN: there are no controls, or it was not measured
   everywhere. */
double    da_properties_p(const da_properties *properties, da_property property);

DA_C_END

#endif
