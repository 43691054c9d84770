/* Answers of a model, and the tables and examples made of them. */
#include "deeparc/cli/answers.h"
#include "deeparc/cli/record.h"

#include "core/math.h"
#include "core/memory.h"
#include "deeparc/present/bitmap.h"
#include "deeparc/present/show.h"
#include "optim/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Answers ---- */

static answer answer_of(const float *logits, int classes) {
    answer a = { .class = (int)da_named_class(logits, classes), .share = (double)NAN };
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

/* "3 cat"; of a class whose name is its number, the number. */
static void row_name(char name[64], const da_model *model, int class) {
    char number[16];
    snprintf(number, sizeof number, "%d", class);
    if (model->class_names && strcmp(model->class_names[class], number) != 0)
        snprintf(name, 64, "%s %.40s", number, model->class_names[class]);
    else snprintf(name, 64, "%s", number);
}

enum { SHOWN = DA_SHOW_COLUMNS - 3 }; /* classes that the terminal's table has room for */

/* A row a label, a column an answer; columns without a key are for people. */
static void show_confusion(da_result *to, const answers *a, const int64_t *counts) {
    static da_column columns[SHOWN + 3];
    static char numbers[SHOWN][4];
    const int classes = a->model->classes, some = a->evaluation.not_numbers > 0, count = classes + 2 + some;
    if (classes > SHOWN) {
        da_result_say(to, "\nthe table of %d classes is too wide to show: --json and --record have it\n", classes);
        return;
    }
    columns[0] = (da_column){ .label = "label" };
    for (int k = 0; k < classes; k++) {
        snprintf(numbers[k], sizeof numbers[k], "%d", k);
        columns[k + 1] = (da_column){ .label = numbers[k] };
    }
    if (some) columns[classes + 1] = (da_column){ .label = "none" };
    columns[count - 1] = (da_column){ .label = "accuracy", .format = "%.2", .unit = "%" };
    da_result_say(to, "\na row a label, a column an answer\n");
    da_result *table = da_result_table(to, NULL, columns, count);
    for (int k = 0; k < classes; k++) {
        const int64_t *row = counts + (int64_t)k * (classes + 1), sum = row_sum(row, classes);
        da_value cells[SHOWN + 3];
        char name[64];
        row_name(name, a->model, k);
        cells[0] = da_word(name);
        for (int j = 0; j < classes + some; j++) cells[j + 1] = da_whole(row[j]);
        cells[count - 1] = da_real(sum > 0 ? (double)row[k] / (double)sum : (double)NAN);
        da_result_row(table, count, cells);
    }
}

void answers_put_confusion(da_result *to, const answers *a, const int64_t *counts) {
    const int classes = a->model->classes;
    da_result *list = da_result_list(to, "confusion");
    char text[16];
    for (int k = 0; k < classes; k++) {
        const int64_t *row = counts + (int64_t)k * (classes + 1), sum = row_sum(row, classes);
        da_result *at = da_result_object(list, NULL), *said;
        da_result_put(at, "label", da_word(answers_class(text, a->model, k)));
        da_result_put(at, "samples", da_whole(sum));
        da_result_put(at, "accuracy", da_real(sum > 0 ? (double)row[k] / (double)sum : (double)NAN));
        said = da_result_list(at, "answers");
        for (int j = 0; j < classes; j++) da_result_put(said, NULL, da_whole(row[j]));
        da_result_put(at, "not_numbers", da_whole(row[classes]));
    }
    show_confusion(to, a, counts);
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

static void put_example(da_result *list, const answers *a, int64_t image) {
    const answer *said = &a->list[image];
    const int label = a->data->labels[image];
    da_result *at = da_result_object(list, NULL);
    da_text png = { 0 };
    char text[16];
    da_result_put(at, "image", da_whole(image));
    da_result_put(at, "label", da_word(answers_class(text, a->model, label)));
    da_result_put(at, "answer", da_word(answers_class(text, a->model, said->class)));
    da_result_put(at, "share", da_real(said->share));
    da_result_put(at, "right", da_flag(said->class == label));
    da_result_check(at, append_png(&png, a->data, image));
    da_result_put(at, "png", da_word(da_text_string(&png)));
    da_text_free(&png);
}

da_status answers_put_examples(da_result *to, const answers *a, int64_t most) {
    int64_t *images = da_alloc_zero((size_t)(2 * most), sizeof *images);
    int count = 0;
    da_status status = images ? choose(a, most, images, &count) : DA_ERROR_MEMORY;
    da_result *list = status == DA_OK ? da_result_list(to, "examples") : NULL;
    for (int n = 0; n < count; n++) put_example(list, a, images[n]);
    da_free(images);
    return status;
}
