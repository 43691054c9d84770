/* The log: one line an epoch, written anew each time, so that it is whole at every moment and a resumed run leaves no
 * line twice. */
#include "core/file.h"
#include "core/number.h"
#include "optim/training.h"

#include <math.h>

/* Text of a field; empty where there is no value. */
static const char *field(char text[DA_NUMBER_TEXT], double value) {
    if (isnan(value)) return "";
    return da_number_text(text, value);
}

da_status dai_training_log(const dai_training *t) {
    if (!t->options->log_path) return DA_OK;
    da_file_writer *file = NULL;
    DA_TRY(da_file_create(&file, t->options->log_path));
    da_file_printf(file, "epoch,loss,accuracy,validation_loss,validation_accuracy,rate,seconds\n");
    for (int64_t e = 0; e < t->position.epoch; e++) {
        const da_epoch_record *r = &t->records[e];
        char loss[DA_NUMBER_TEXT], accuracy[DA_NUMBER_TEXT], held_loss[DA_NUMBER_TEXT], held_accuracy[DA_NUMBER_TEXT];
        char rate[DA_NUMBER_TEXT], seconds[DA_NUMBER_WIDE];
        da_file_printf(file, "%lld,%s,%s,%s,%s,%s,%s\n", (long long)r->epoch + 1, field(loss, r->loss),
                       field(accuracy, r->accuracy), field(held_loss, r->validation_loss),
                       field(held_accuracy, r->validation_accuracy), field(rate, r->rate),
                       da_number_fixed(seconds, r->seconds, 3));
    }
    return da_file_commit(file); /* reports a failure of any line */
}

/* ---- The curve of losses ---- */

static void halve(dai_losses *l) {
    for (int i = 0; i < DAI_MAX_LOSSES / 2; i++) {
        l->window[i] = l->window[2 * i];
        l->window[i].sum += l->window[2 * i + 1].sum;
        l->window[i].samples += l->window[2 * i + 1].samples;
        l->window[i].last_step = l->window[2 * i + 1].last_step;
    }
    l->count = DAI_MAX_LOSSES / 2;
    l->every *= 2;
    l->in_last = l->every;
}

void dai_losses_add(dai_losses *l, double sum, int64_t samples, int64_t step) {
    if (l->every == 0) l->every = l->in_last = 1;
    if (l->in_last == l->every && l->count == DAI_MAX_LOSSES) halve(l);
    if (l->in_last == l->every || l->count == 0) {
        l->window[l->count].sum = 0;
        l->window[l->count++].samples = 0;
        l->in_last = 0;
    }
    l->window[l->count - 1].sum += sum;
    l->window[l->count - 1].samples += samples;
    l->window[l->count - 1].last_step = step;
    l->in_last++;
}
