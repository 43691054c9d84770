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
