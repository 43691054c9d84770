/* Dominant images, a line each. */
#include "deeparc/cli/dominant.h"

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
    static const da_column columns[] = { { .key = "layer" }, { .key = "rank" }, { .key = "image" }, { .key = "label" },
                                         { .key = "share" } };
    da_result *file = da_result_new(), *table = da_result_table(file, "images", columns, 5);
    for (int l = 0; l < m->layers; l++)
        for (int i = 0; i < length_of(m, l); i++) {
            const da_dominant d = m->dominant[l * m->dominant_count + i];
            da_row(table, da_word(m->names[l]), da_whole(i + 1), da_whole(number_of(numbers, d.image)),
                   numbers->labels ? da_whole(numbers->labels[d.image]) : da_absent(), da_real(d.share));
        }
    da_status status = cli_csv_save(file, "images", path);
    da_result_free(file);
    return status;
}

/* The images of a layer, in the record; how much of its component they have, and the first of them, in words. */
static double put_images(da_result *to, const da_measurement *m, const dominant_numbers *numbers, int layer, da_text *words) {
    static const da_column columns[] = { { .key = "image" }, { .key = "label" }, { .key = "share" } };
    da_result *table = da_result_table(to, "dominant_images", columns, 3);
    int length = length_of(m, layer);
    double share = 0;
    for (int i = 0; i < length; i++) {
        const da_dominant d = m->dominant[layer * m->dominant_count + i];
        long long number = (long long)number_of(numbers, d.image);
        da_row(table, da_whole(number), numbers->labels ? da_whole(numbers->labels[d.image]) : da_absent(), da_real(d.share));
        if (i < PRINTED) da_text_printf(words, "%s%lld", i > 0 ? " " : "", number);
        share += d.share;
    }
    if (length > PRINTED) da_text_append(words, " ...");
    return share;
}

void dominant_put(da_result *to, const da_measurement *m, const dominant_numbers *numbers) {
    static const da_column columns[] = { { .label = "layer" }, { .label = "share", .format = "%.1", .unit = "%" },
                                         { .label = "of them", .format = "%.1", .unit = "%" }, { .label = "images" } };
    da_result_say(to, "\nfirst principal component: its share of the variance, that of the %d most dominant images in it\n",
                  m->dominant_count);
    da_result *list = da_result_list(to, "first_component"), *table = da_result_table(to, NULL, columns, 4);
    for (int l = 0; l < m->layers; l++) {
        da_result *component = da_result_object(list, NULL);
        da_text words = { 0 };
        da_result_put(component, "name", da_word(m->names[l]));
        da_result_put(component, "share_of_variance", da_real(m->first_share[l]));
        double share = put_images(component, m, numbers, l, &words);
        da_row(table, da_word(m->names[l]), da_real(m->first_share[l]), da_real(share), da_word(da_text_string(&words)));
        da_result_check(table, words.status);
        da_text_free(&words);
    }
}
