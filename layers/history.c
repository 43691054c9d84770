/* The history of a network: what it was trained on, and the run that made it.
 *
 *     "deeparc.trainings"   [{"data": "mnist", "fingerprint": "sha256:5f21...", "images": 60000, "validation": 5000,
 *                             "limit": 0, "seed": "1"}, ...]
 *
 * A training counts once: to continue a run, or to repeat it, adds nothing.
 */
#include "layers/internal.h"

#include "core/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dai_history_free(da_history *history) {
    da_free(history->trainings);
    da_free(history->run);
    *history = (da_history){ 0 };
}

static bool same(const da_training_record *a, const da_training_record *b) {
    return strcmp(a->data, b->data) == 0 && strcmp(a->fingerprint, b->fingerprint) == 0 && a->images == b->images &&
           a->validation == b->validation && a->limit == b->limit && a->seed == b->seed;
}

static da_status add(da_history *history, const da_training_record *training) {
    for (int i = 0; i < history->training_count; i++)
        if (same(&history->trainings[i], training)) return DA_OK;
    if (history->training_count == DA_MAX_TRAININGS)
        return DA_FAIL(DA_ERROR_ARGUMENT, "a model records at most %d different trainings", DA_MAX_TRAININGS);
    size_t count = (size_t)history->training_count + 1;
    da_training_record *grown = da_realloc(history->trainings, count * sizeof *grown);
    if (!grown) return DA_ERROR_MEMORY;
    history->trainings = grown;
    grown[history->training_count++] = *training;
    return DA_OK;
}

da_status da_model_add_training(da_model *model, const da_training_record *training) {
    return add(&model->history, training);
}

da_status da_model_set_run(da_model *model, const char *json) {
    char *copy = NULL;
    if (json) {
        da_json *root = NULL;
        DA_TRY(da_json_parse(&root, json, strlen(json), "deeparc.run"));
        bool object = da_json_kind(root) == DA_JSON_OBJECT;
        da_json_free(root);
        if (!object) return DA_FAIL(DA_ERROR_ARGUMENT, "the header of a run is a JSON object");
        copy = da_string_copy(json);
        if (!copy) return DA_ERROR_MEMORY;
    }
    da_free(model->history.run);
    model->history.run = copy;
    return DA_OK;
}

/* ---- Files ---- */

static void put_text(da_json_writer *to, const char *key, const char *text) {
    da_json_key(to, key);
    da_json_put_string(to, text);
}

static void put_int(da_json_writer *to, const char *key, int64_t value) {
    da_json_key(to, key);
    da_json_put_int(to, value);
}

/* The seed is text: JSON's readers make doubles of numbers, which hold 53 bits. */
static void put_training(da_json_writer *to, const da_training_record *t) {
    char text[80];
    da_json_begin_object(to);
    put_text(to, "data", t->data);
    snprintf(text, sizeof text, "sha256:%s", t->fingerprint);
    put_text(to, "fingerprint", text);
    put_int(to, "images", t->images);
    put_int(to, "validation", t->validation);
    put_int(to, "limit", t->limit);
    snprintf(text, sizeof text, "%" PRIu64, t->seed);
    put_text(to, "seed", text);
    da_json_end(to);
}

da_status dai_trainings_write(const da_history *history, char **text) {
    da_json_writer to;
    *text = NULL;
    if (history->training_count == 0) return DA_OK;
    da_json_writer_init(&to, false);
    da_json_begin_array(&to);
    for (int i = 0; i < history->training_count; i++) put_training(&to, &history->trainings[i]);
    da_json_end(&to);
    return da_json_finish(&to, text, NULL);
}

static da_status read_training(const da_json *object, da_training_record *out) {
    const char *data = NULL, *fingerprint = NULL, *seed = NULL;
    char *end;
    DA_TRY(da_json_string(object, "data", &data));
    DA_TRY(da_json_string(object, "fingerprint", &fingerprint));
    DA_TRY(da_json_int(object, "images", &out->images));
    DA_TRY(da_json_int(object, "validation", &out->validation));
    DA_TRY(da_json_int(object, "limit", &out->limit));
    DA_TRY(da_json_string(object, "seed", &seed));
    out->seed = strtoull(seed, &end, 10);
    bool digest = strlen(fingerprint) == 7 + 64 && memcmp(fingerprint, "sha256:", 7) == 0 &&
                  strspn(fingerprint + 7, "0123456789abcdef") == 64;
    if (!digest || seed[0] < '0' || seed[0] > '9' || *end || strlen(data) >= sizeof out->data || out->images < 1 ||
        out->limit < 0 || out->validation < 0 || out->validation >= out->images)
        return DA_FAIL(DA_ERROR_FORMAT, "a training is recorded that cannot have been");
    strcpy(out->data, data);
    strcpy(out->fingerprint, fingerprint + 7);
    return DA_OK;
}

static da_status read_all(da_history *history, const da_json *root) {
    if (da_json_kind(root) != DA_JSON_ARRAY) return DA_FAIL(DA_ERROR_FORMAT, "the trainings are no list");
    for (const da_json *item = da_json_first(root); item; item = da_json_next(item)) {
        da_training_record training;
        DA_TRY(read_training(item, &training));
        DA_TRY(add(history, &training));
    }
    return DA_OK;
}

da_status dai_trainings_read(da_history *history, const char *text) {
    da_history made = { 0 };
    da_json *root = NULL;
    if (text) DA_TRY(da_json_parse(&root, text, strlen(text), "deeparc.trainings"));
    da_status status = text ? read_all(&made, root) : DA_OK;
    da_json_free(root);
    if (status == DA_OK) {
        da_free(history->trainings);
        history->trainings = made.trainings;
        history->training_count = made.training_count;
    } else {
        dai_history_free(&made);
    }
    return status;
}
