/* What a model says of every image of a data set: the class whose logit is largest, and how sure of it it is.
 *
 *     predict        image 0: 7 (99.8 %), label 7
 *     eval           a table of confusion; examples of right and wrong images, with their pixels
 */
#ifndef DA_DEEPARC_CLI_ANSWERS_H
#define DA_DEEPARC_CLI_ANSWERS_H

#include "deeparc/cli/cli.h"
#include "deeparc/text.h"

typedef struct answer {
    int    class; /* of equal logits the first; -1 where a logit is not a number */
    double share; /* softmax: 0 to 1 */
} answer;

typedef struct answers {
    const da_model   *model;
    const da_dataset *data;
    da_evaluation     evaluation;
    float  *logits; /* count x classes */
    answer *list;   /* count */
} answers;

/* Evaluates the model on all images. Holds 4 bytes a logit until freed. */
da_status answers_make(answers *a, da_model *model, const da_dataset *data, int64_t batch);
void      answers_free(answers *a); /* takes one of all zero bytes, and leaves it so */

/* The class's name where it has one, else its number, written into text. */
const char *answers_class(char text[16], const da_model *model, int class);

/* classes x classes counts, a row a label, a column an answer, and in a last column the images without one. */
da_status answers_confusion(const answers *a, int64_t **counts);
/* `confusion`, a row a label; for people a table, where there are no more classes than fit. */
void      answers_put_confusion(da_result *to, const answers *a, const int64_t *counts);

/* `examples`: the `most` wrong images whose answers are surest, then the first `most` right ones, as PNG in base64. */
da_status answers_put_examples(da_result *to, const answers *a, int64_t most);

#endif
