/* Dominant images, a line each. */
#include "deeparc/cli/dominant.h"

#include "core/file.h"
#include "deeparc/cli/record.h"
#include "deeparc/text.h"

enum { PRINTED = 5 };

static int64_t number_of(const dominant_numbers *numbers, int64_t image) {
    return numbers->first + image * numbers->step;
}

/* Images in batches too small to count are in no list: it may be shorter than asked. */
static int length_of(const da_measurement *m, int layer) {
    int length = 0;
    while (length < m->dominant_count && m->dominant[layer * m->dominant_count + length].image >= 0) length++;
    return length;
}

da_status dominant_save(const char *path, const da_measurement *m, const dominant_numbers *numbers) {
    da_text file = { 0 };
    da_text_append(&file, "layer,rank,image,label,share\n");
    for (int l = 0; l < m->layers; l++)
        for (int i = 0; i < length_of(m, l); i++) {
            da_dominant d = m->dominant[l * m->dominant_count + i];
            da_text_printf(&file, "%s,%d,%lld,", m->names[l], i + 1, (long long)number_of(numbers, d.image));
            if (numbers->labels) da_text_printf(&file, "%d", numbers->labels[d.image]);
            da_text_append(&file, ",");
            da_text_rounded(&file, d.share, 17);
            da_text_append(&file, "\n");
        }
    da_status status = da_text_status(&file);
    if (status == DA_OK) status = da_file_save(path, file.bytes, file.length);
    da_text_free(&file);
    return status;
}

void dominant_record(da_json_writer *to, const da_measurement *m, const dominant_numbers *numbers) {
    da_json_key(to, "first_component");
    da_json_begin_array(to);
    for (int l = 0; l < m->layers; l++) {
        da_json_begin_object(to);
        record_text(to, "name", m->names[l]);
        record_real(to, "share_of_variance", m->first_share[l]);
        da_json_key(to, "dominant_images");
        da_json_begin_array(to);
        for (int i = 0; i < length_of(m, l); i++) {
            da_dominant d = m->dominant[l * m->dominant_count + i];
            da_json_begin_object(to);
            record_int(to, "image", number_of(numbers, d.image));
            if (numbers->labels) record_int(to, "label", numbers->labels[d.image]);
            record_real(to, "share", d.share);
            da_json_end(to);
        }
        da_json_end(to);
        da_json_end(to);
    }
    da_json_end(to);
}

void dominant_print(cli *c, const da_measurement *m, const dominant_numbers *numbers) {
    cli_print(c, "\nfirst principal component: its share of the variance, that of the %d most dominant images in it\n",
              m->dominant_count);
    for (int l = 0; l < m->layers; l++) {
        int length = length_of(m, l);
        double share = 0;
        for (int i = 0; i < length; i++) share += m->dominant[l * m->dominant_count + i].share;
        cli_print(c, "  %-14s %6.1f %% %6.1f %%   images", m->names[l], 100 * m->first_share[l], 100 * share);
        for (int i = 0; i < length && i < PRINTED; i++)
            cli_print(c, " %lld", (long long)number_of(numbers, m->dominant[l * m->dominant_count + i].image));
        cli_print(c, "%s\n", length > PRINTED ? " ..." : "");
    }
}
