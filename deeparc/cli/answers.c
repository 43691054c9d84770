/* Answers of a model, and the tables and examples made of them. */
#include "deeparc/cli/answers.h"
#include "deeparc/cli/record.h"

#include "core/math.h"
#include "core/memory.h"
#include "deeparc/present/bitmap.h"
#include "optim/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Answers ---- */

static answer answer_of(const float *logits, int classes) {
    answer a = { .class = (int)dai_named_class(logits, classes), .share = (double)NAN };
    double total = 0;
    for (int k = 0; k < classes && a.class >= 0; k++) total += (double)da_expf(logits[k] - logits[a.class]);
    if (a.class >= 0) a.share = 1 / total;
    return a;
}

da_status answers_make(answers *a, da_model *model, const da_dataset *data, int64_t batch) {
    answers made = { .model = model, .data = data };
    made.logits = da_alloc_zero((size_t)data->count, (size_t)model->classes * sizeof *made.logits);
    made.list = da_alloc_zero((size_t)data->count, sizeof *made.list);
    da_status status = made.logits && made.list ? DA_OK : DA_ERROR_MEMORY;
    if (status == DA_OK) status = da_evaluate(model, data, batch, made.logits, &made.evaluation);
    for (int64_t i = 0; i < data->count && status == DA_OK; i++)
        made.list[i] = answer_of(made.logits + i * model->classes, model->classes);
    if (status == DA_OK) *a = made;
    else answers_free(&made);
    return status;
}

void answers_free(answers *a) {
    da_free(a->logits);
    da_free(a->list);
    memset(a, 0, sizeof *a);
}

const char *answers_class(char text[16], const da_model *model, int class) {
    if (class < 0) return "none";
    if (model->class_names) return model->class_names[class];
    snprintf(text, 16, "%d", class);
    return text;
}

/* ---- Confusion ---- */

da_status answers_confusion(const answers *a, int64_t **counts) {
    int64_t classes = a->model->classes, *made = da_alloc_zero((size_t)(classes * (classes + 1)), sizeof *made);
    if (!made) return DA_ERROR_MEMORY;
    for (int64_t i = 0; i < a->data->count; i++) {
        int class = a->list[i].class;
        made[a->data->labels[i] * (classes + 1) + (class < 0 ? classes : class)]++;
    }
    *counts = made;
    return DA_OK;
}

static int64_t row_sum(const int64_t *row, int classes) {
    int64_t sum = 0;
    for (int k = 0; k <= classes; k++) sum += row[k];
    return sum;
}

/* Columns as wide as the largest count and the longest number of a class need. */
static int column_width(const answers *a, const int64_t *counts) {
    char text[32];
    int64_t largest = a->model->classes - 1;
    for (int64_t i = 0; i < (int64_t)a->model->classes * (a->model->classes + 1); i++)
        if (counts[i] > largest) largest = counts[i];
    return snprintf(text, sizeof text, "%lld", (long long)largest) + 2;
}

/* "3 cat"; of a class whose name is its number, the number. */
static void row_name(char name[64], const da_model *model, int class) {
    char number[16];
    snprintf(number, sizeof number, "%d", class);
    if (model->class_names && strcmp(model->class_names[class], number) != 0)
        snprintf(name, 64, "%s %.40s", number, model->class_names[class]);
    else snprintf(name, 64, "%s", number);
}

void answers_print_confusion(cli *c, const answers *a, const int64_t *counts) {
    int classes = a->model->classes, width = column_width(a, counts), first = 5;
    bool some_without = a->evaluation.not_numbers > 0;
    char name[64];
    for (int k = 0; k < classes; k++) {
        row_name(name, a->model, k);
        if ((int)strlen(name) > first) first = (int)strlen(name);
    }
    cli_print(c, "\n%-*s  answer\n%-*s", first, "", first, "label");
    for (int k = 0; k < classes; k++) cli_print(c, "%*d", width, k);
    cli_print(c, "%s%12s\n", some_without ? "  none" : "", "accuracy");
    for (int k = 0; k < classes; k++) {
        const int64_t *row = counts + (int64_t)k * (classes + 1), sum = row_sum(row, classes);
        row_name(name, a->model, k);
        cli_print(c, "%-*s", first, name);
        for (int j = 0; j < classes; j++) cli_print(c, "%*lld", width, (long long)row[j]);
        if (some_without) cli_print(c, "%6lld", (long long)row[classes]);
        if (sum > 0) cli_print(c, "%10.2f %%\n", 100 * (double)row[k] / (double)sum);
        else cli_print(c, "%12s\n", "no image");
    }
}

void answers_record_confusion(da_json_writer *to, const answers *a, const int64_t *counts) {
    int classes = a->model->classes;
    char text[16];
    da_json_key(to, "confusion");
    da_json_begin_array(to);
    for (int k = 0; k < classes; k++) {
        const int64_t *row = counts + (int64_t)k * (classes + 1), sum = row_sum(row, classes);
        da_json_begin_object(to);
        record_text(to, "label", answers_class(text, a->model, k));
        record_int(to, "samples", sum);
        record_real(to, "accuracy", sum > 0 ? (double)row[k] / (double)sum : (double)NAN);
        da_json_key(to, "answers");
        da_json_begin_array(to);
        for (int j = 0; j < classes; j++) da_json_put_int(to, row[j]);
        da_json_end(to);
        record_int(to, "not_numbers", row[classes]);
        da_json_end(to);
    }
    da_json_end(to);
}

/* ---- Examples ---- */

typedef struct mistake { int64_t image; double share; } mistake;

/* The surest first; of equal ones, and of those without an answer, the first of the file. */
static int surest_first(const void *left, const void *right) {
    const mistake *a = left, *b = right;
    if (a->share != b->share) return a->share > b->share ? -1 : 1;
    return a->image < b->image ? -1 : a->image > b->image;
}

/* The numbers of at most 2 x most images: see answers.h. */
static da_status choose(const answers *a, int64_t most, int64_t *images, int *count) {
    mistake *wrong = da_alloc_zero((size_t)a->data->count, sizeof *wrong);
    int64_t mistakes = 0, right = 0;
    int n = 0;
    if (!wrong) return DA_ERROR_MEMORY;
    for (int64_t i = 0; i < a->data->count; i++)
        if (a->list[i].class != a->data->labels[i])
            wrong[mistakes++] = (mistake){ i, a->list[i].class < 0 ? -1 : a->list[i].share };
    qsort(wrong, (size_t)mistakes, sizeof *wrong, surest_first);
    for (int64_t i = 0; i < mistakes && i < most; i++) images[n++] = wrong[i].image;
    for (int64_t i = 0; i < a->data->count && right < most; i++)
        if (a->list[i].class == a->data->labels[i]) {
            images[n++] = i;
            right++;
        }
    da_free(wrong);
    *count = n;
    return DA_OK;
}

/* One channel is grey, of two or four the first is; three are red, green and blue. */
static da_status append_png(da_text *base64, const da_dataset *data, int64_t image) {
    const uint8_t *pixels = data->images + image * da_dataset_image_bytes(data);
    da_bitmap bitmap = { 0 };
    da_text file = { 0 };
    DA_TRY(da_bitmap_new(&bitmap, (int)data->width, (int)data->height, (da_colour){ 0, 0, 0 }));
    for (int64_t i = 0; i < data->height * data->width; i++)
        for (int k = 0; k < 3; k++)
            bitmap.rgb[3 * i + k] = pixels[i * data->channels + (data->channels == 3 ? k : 0)];
    da_status status = da_bitmap_png(&bitmap, &file);
    if (status == DA_OK) da_text_base64(base64, file.bytes, file.length);
    da_text_free(&file);
    da_bitmap_free(&bitmap);
    return status == DA_OK ? da_text_status(base64) : status;
}

da_status answers_examples(const answers *a, int64_t most, example **list, int *count) {
    int64_t *images = da_alloc_zero((size_t)(2 * most), sizeof *images);
    example *made = da_alloc_zero((size_t)(2 * most), sizeof *made);
    int n = 0;
    da_status status = images && made ? choose(a, most, images, &n) : DA_ERROR_MEMORY;
    for (int i = 0; i < n && status == DA_OK; i++) {
        made[i].image = images[i];
        status = append_png(&made[i].png, a->data, images[i]);
    }
    da_free(images);
    if (status != DA_OK) {
        answers_examples_free(made, n);
        return status;
    }
    *list = made;
    *count = n;
    return DA_OK;
}

void answers_examples_free(example *list, int count) {
    for (int i = 0; i < count; i++) da_text_free(&list[i].png);
    da_free(list);
}

void answers_record_examples(da_json_writer *to, const answers *a, const example *list, int count) {
    char text[16];
    da_json_key(to, "examples");
    da_json_begin_array(to);
    for (int n = 0; n < count; n++) {
        const answer *said = &a->list[list[n].image];
        int label = a->data->labels[list[n].image];
        da_json_begin_object(to);
        record_int(to, "image", list[n].image);
        record_text(to, "label", answers_class(text, a->model, label));
        record_text(to, "answer", answers_class(text, a->model, said->class));
        record_real(to, "share", said->share);
        da_json_key(to, "right");
        da_json_put_bool(to, said->class == label);
        record_text(to, "png", da_text_string(&list[n].png));
        da_json_end(to);
    }
    da_json_end(to);
}
