/* A run in a checkpoint, and back. Beside the model the file holds
 *
 *     metadata "deeparc.training"   {"version": 4, "options": {...}, "epoch": 3, "step": 17, "records": [...], ...}
 *     tensors                       optimizer/conv1.weight.momentum ...    optimizer/best/conv1.weight ... (early stop)
 *
 * Resuming reads the file once, looks at everything first and touches the model last, in one call that does all or
 * nothing.
 */
#include "core/memory.h"
#include "core/number.h"
#include "core/safetensors.h"
#include "layers/checkpoint.h"
#include "optim/training.h"

#include <math.h>
#include <string.h>

enum { VERSION = 4, RECORD_FIELDS = 6 };

/* ---- Writing ---- */

static void put_record(da_json_writer *to, const da_epoch_record *r) {
    const double fields[RECORD_FIELDS] = { r->loss, r->accuracy, r->validation_loss, r->validation_accuracy, r->rate,
                                           r->seconds };
    da_json_begin_array(to);
    for (int i = 0; i < RECORD_FIELDS; i++) da_json_put_double(to, fields[i]); /* not finite: null */
    da_json_end(to);
}

static void put_position(da_json_writer *to, const dai_position *p) {
    const struct { const char *key; int64_t value; } counts[] = {
        { "epoch", p->epoch },     { "step", p->step },     { "correct", p->correct },
        { "samples", p->samples }, { "waited", p->waited },
    };
    for (int i = 0; i < 5; i++) {
        da_json_key(to, counts[i].key);
        da_json_put_int(to, counts[i].value);
    }
    const struct { const char *key; double value; } reals[] = {
        { "loss_sum", p->loss_sum }, { "seconds", p->seconds }, { "best_loss", p->best_loss } };
    for (int i = 0; i < 3; i++) {
        da_json_key(to, reals[i].key);
        da_json_put_double(to, reals[i].value);
    }
    da_json_key(to, "stopped_early");
    da_json_put_bool(to, p->stopped_early);
}

static da_status write_json(const dai_training *t, char **text) {
    da_json_writer to;
    da_json_writer_init(&to, false);
    da_json_begin_object(&to);
    da_json_key(&to, "version");
    da_json_put_int(&to, VERSION);
    da_json_key(&to, "options");
    da_status status = dai_training_options_write(t, &to);
    if (status != DA_OK) {
        da_json_writer_free(&to);
        return status;
    }
    put_position(&to, &t->position);
    da_json_key(&to, "records");
    da_json_begin_array(&to);
    for (int64_t e = 0; e < t->position.epoch; e++) put_record(&to, &t->records[e]);
    da_json_end(&to);
    da_json_end(&to);
    return da_json_finish(&to, text, NULL);
}

static bool has_best(const dai_training *t) { return isfinite(t->position.best_loss); }

da_status dai_training_save(const dai_training *t) {
    int states = da_optimizer_state_count(t->optimizer), best = has_best(t) ? t->best.count : 0, count = states + best;
    char *json = NULL;
    const char **names = da_alloc_zero((size_t)count, sizeof *names);
    da_tensor *tensors = da_alloc_zero((size_t)count, sizeof *tensors);
    da_status status = names && tensors ? write_json(t, &json) : DA_ERROR_MEMORY;
    if (status == DA_OK) {
        for (int i = 0; i < count; i++) {
            bool state = i < states;
            names[i] = state ? da_optimizer_state_name(t->optimizer, i) : t->best.items[i - states].name;
            tensors[i] = state ? *da_optimizer_state_tensor(t->optimizer, i) : t->best.values[i - states];
        }
        da_checkpoint_extra extra = { json, names, tensors, count };
        status = da_checkpoint_save(t->model, t->options->checkpoint_path, &extra);
    }
    da_free(json);
    da_free(tensors);
    da_free(names);
    return status;
}

/* ---- Reading ---- */

static da_status damaged(const char *what) {
    return DA_FAIL(DA_ERROR_FORMAT, "its training state is damaged: %s", what);
}

/* A number, or `otherwise` for null: JSON has no infinities and no NaN. */
static da_status get_real(const da_json *value, double otherwise, double *out) {
    *out = otherwise;
    return value && da_json_kind(value) == DA_JSON_NULL ? DA_OK : da_json_as_double(value, out);
}

/* Samples of an epoch's first `step` batches. */
static int64_t samples_before(const dai_training *t, int64_t step) {
    return step == t->steps_epoch ? t->feed.subset.count : step * t->feed.batcher.largest;
}

static da_status read_position(const dai_training *t, const da_json *root, dai_position *p) {
    DA_TRY(da_json_int(root, "epoch", &p->epoch));
    DA_TRY(da_json_int(root, "step", &p->step));
    DA_TRY(da_json_int(root, "correct", &p->correct));
    DA_TRY(da_json_int(root, "samples", &p->samples));
    DA_TRY(da_json_int(root, "waited", &p->waited));
    DA_TRY(da_json_double(root, "loss_sum", &p->loss_sum));
    DA_TRY(da_json_double(root, "seconds", &p->seconds));
    DA_TRY(da_json_bool(root, "stopped_early", &p->stopped_early));
    if (!da_json_get(root, "best_loss")) return damaged("'best_loss' is missing");
    DA_TRY(get_real(da_json_get(root, "best_loss"), (double)INFINITY, &p->best_loss));
    if (p->epoch < 0 || p->step < 0 || p->step > t->steps_epoch)
        return damaged("epoch or step is out of range");
    if (p->samples != samples_before(t, p->step) || p->correct < 0 || p->correct > p->samples)
        return damaged("a count is out of range");
    if ((p->step == 0 && p->loss_sum != 0) || p->seconds < 0) return damaged("a sum is out of range");
    if (p->epoch > t->options->epochs || (p->epoch == t->options->epochs && p->step > 0))
        return DA_FAIL(DA_ERROR_ARGUMENT, "cannot resume: it has trained for %s already, %lld were asked for",
                       da_count(p->epoch, "epoch").text, (long long)t->options->epochs);
    return DA_OK;
}

static bool is_share(double value) { return value >= 0 && value <= 1; }

/* A loss of validation may be anything: weights that overflow are noticed by the next step only. */
static bool possible(const da_epoch_record *r, bool validated) {
    bool empty = isnan(r->validation_accuracy) && isnan(r->validation_loss);
    bool held = validated ? is_share(r->validation_accuracy) : empty;
    return held && !isnan(r->loss) && is_share(r->accuracy) && r->rate >= 0 && r->seconds >= 0;
}

static da_status read_record(const da_json *fields, int64_t epoch, da_epoch_record *out) {
    double v[RECORD_FIELDS];
    const da_json *field = da_json_first(fields);
    if (da_json_count(fields) != RECORD_FIELDS) return damaged("a record has not six fields");
    for (int i = 0; i < RECORD_FIELDS; i++, field = da_json_next(field)) DA_TRY(get_real(field, (double)NAN, &v[i]));
    *out = (da_epoch_record){ epoch, v[0], v[1], v[2], v[3], v[4], v[5] };
    return DA_OK;
}

static da_status read_records(dai_training *t, const da_json *root, int64_t epochs) {
    const da_json *records = NULL;
    DA_TRY(da_json_array(root, "records", &records));
    if (da_json_count(records) != epochs) return damaged("records and epochs differ in number");
    const da_json *record = da_json_first(records);
    for (int64_t e = 0; e < epochs; e++, record = da_json_next(record)) {
        DA_TRY(read_record(record, e, &t->records[e]));
        if (!possible(&t->records[e], t->options->validation > 0)) return damaged("a record is out of range");
    }
    return DA_OK;
}

/* Where early stop stands follows from the records: the trainer's own rule, played through them, has to end there. */
static da_status check_early_stop(const dai_training *t, const dai_position *p) {
    dai_position played = { .best_loss = (double)INFINITY };
    for (int64_t e = 0; e < p->epoch; e++)
        dai_watch_validation(&played, t->records[e].validation_loss, t->options->patience);
    bool same = played.best_loss == p->best_loss && played.waited == p->waited &&
                played.stopped_early == p->stopped_early;
    return same ? DA_OK : damaged("early stop does not stand where the records of the epochs put it");
}

static da_status read_tensor(const da_safetensors *file, const char *name, da_tensor *into) {
    const da_safetensors_entry *entry = da_safetensors_find(file, name);
    if (!entry) return DA_FAIL(DA_ERROR_FORMAT, "its training state is damaged: tensor '%s' is missing", name);
    if (entry->ndim != into->ndim || memcmp(entry->shape, into->shape, (size_t)into->ndim * sizeof *into->shape) != 0)
        return DA_FAIL(DA_ERROR_FORMAT, "its training state is damaged: tensor '%s' has another shape", name);
    return da_safetensors_floats(entry, da_tensor_floats(into));
}

static da_status read_tensors(dai_training *t, const da_safetensors *file) {
    for (int i = 0; i < da_optimizer_state_count(t->optimizer); i++)
        DA_TRY(read_tensor(file, da_optimizer_state_name(t->optimizer, i), da_optimizer_state_tensor(t->optimizer, i)));
    if (da_optimizer_state_check(t->optimizer) != DA_OK) return da_fail_context("its training state is damaged: ");
    for (int i = 0; has_best(t) && i < t->best.count; i++)
        DA_TRY(read_tensor(file, t->best.items[i].name, &t->best.values[i]));
    return DA_OK;
}

static da_status resume_from(dai_training *t, const da_safetensors *file, const da_json *root) {
    int64_t version = 0;
    const da_json *options = NULL;
    dai_position position = { 0 };
    DA_TRY(da_json_int(root, "version", &version));
    if (version != VERSION)
        return DA_FAIL(DA_ERROR_FORMAT, "its training state has version %lld, this program reads %d: finish that run with the "
                       "program that began it", (long long)version, VERSION);
    DA_TRY(da_json_object(root, "options", &options));
    DA_TRY(dai_training_options_compare(t, options));
    DA_TRY(read_position(t, root, &position));
    DA_TRY(read_records(t, root, position.epoch));
    DA_TRY(check_early_stop(t, &position));
    t->position = position;
    da_optimizer_set_steps(t->optimizer, dai_steps_done(t));
    return read_tensors(t, file);
}

static da_status find_state(const da_safetensors *file, const char **text) {
    *text = da_safetensors_metadata(file, "deeparc.training");
    return *text ? DA_OK
                 : DA_FAIL(DA_ERROR_FORMAT, "it holds a model but no training state, so there is nothing to resume");
}

static da_status resume_state(dai_training *t, const da_safetensors *file, const char *path) {
    da_json *root = NULL;
    const char *text;
    da_status status = find_state(file, &text);
    if (status == DA_OK) status = da_json_parse(&root, text, strlen(text), path);
    if (status == DA_OK) status = resume_from(t, file, root);
    da_json_free(root);
    return status == DA_OK ? DA_OK : da_fail_context("resuming '%s': ", path);
}

/* The model is compared first: of another network, everything else would differ too and explain nothing. */
static da_status resume_run(dai_training *t, const da_safetensors *file, const char *path) {
    DA_TRY(da_checkpoint_compare(t->model, file, path));
    DA_TRY(resume_state(t, file, path));
    DA_TRY(da_checkpoint_check_frozen(t->model, file, path));
    return da_checkpoint_fill(t->model, file, path);
}

da_status dai_training_check_file(const da_model *model, const char *path) {
    const char *text;
    da_safetensors file = { 0 };
    da_status status = da_checkpoint_read(&file, path);
    if (status == DA_OK) status = find_state(&file, &text);
    if (status != DA_OK) status = da_fail_context("resuming '%s': ", path);
    if (status == DA_OK && model) status = da_checkpoint_compare(model, &file, path);
    da_safetensors_free(&file);
    return status;
}

da_status dai_training_resume(dai_training *t) {
    const char *path = t->options->checkpoint_path;
    da_safetensors file = { 0 };
    if (da_checkpoint_read(&file, path) != DA_OK) return da_fail_context("resuming '%s': ", path);
    da_status status = resume_run(t, &file, path);
    da_safetensors_free(&file);
    return status;
}
