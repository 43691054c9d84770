/* Similarity matrices on the command line. */
#include "deeparc/cli/matrix.h"

#include "core/number.h"

#include "core/file.h"
#include "core/memory.h"
#include "deeparc/cli/record.h"
#include "deeparc/present/heatmap.h"
#include "deeparc/measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Reading ---- */

static da_status take_names(const da_json *root, const char *path, matrix *m) {
    const da_json *list;
    DA_TRY(da_json_array(root, "names", &list));
    if (da_json_count(list) != m->layers)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s' names %s, the matrix has %d", path,
                       da_count((int64_t)da_json_count(list), "layer").text, m->layers);
    const char **names = da_alloc((size_t)m->layers * sizeof *names);
    if (!names) return DA_ERROR_MEMORY;
    da_status status = DA_OK;
    int i = 0;
    for (const da_json *name = da_json_first(list); name && status == DA_OK; name = da_json_next(name))
        status = da_json_as_string(name, &names[i++]);
    if (status == DA_OK && !(m->names = da_strings_copy(names, m->layers))) status = DA_ERROR_MEMORY;
    da_free(names);
    return status;
}

static void take_text(const da_json *root, const char *key, char *to, size_t size) {
    const da_json *member = da_json_get(root, key);
    const char *text = "";
    if (da_json_kind(member) == DA_JSON_STRING) (void)da_json_as_string(member, &text);
    snprintf(to, size, "%s", strlen(text) < size ? text : "");
}

/* A record holds its matrix: is that the one of the file? A file may have been rounded to three decimals. */
static da_status compare_values(const da_json *root, const char *path, const matrix *m) {
    int i = 0;
    for (const da_json *row = da_json_first(da_json_get(root, "matrix")); row; row = da_json_next(row), i++)
        for (int k = 0; k < m->layers && i < m->layers; k++) {
            double value = (double)NAN;
            (void)da_json_as_double(da_json_at(row, k), &value);
            if (!(fabs(value - m->values[i * m->layers + k]) <= 1e-3))
                return DA_FAIL(DA_ERROR_FORMAT, "'%s' is the record of another matrix: they differ in row %d, column %d",
                               path, i + 1, k + 1);
        }
    return DA_OK;
}

/* Names, and whose matrix it is. */
static da_status read_names(const char *path, matrix *m) {
    da_json *root;
    DA_TRY(da_json_read(&root, path));
    da_status status = compare_values(root, path, m);
    if (status == DA_OK) status = take_names(root, path, m);
    if (status == DA_OK) take_text(root, "hash", m->hash, sizeof m->hash);
    if (status == DA_OK) take_text(root, "split", m->split, sizeof m->split);
    if (strcmp(m->split, "train") != 0 && strcmp(m->split, "test") != 0) m->split[0] = '\0'; /* a file: of which part? */
    da_json_free(root);
    return status;
}

static da_status take_matrix(const char *path, da_csv *csv, matrix *m) {
    DA_TRY(da_csv_read(csv, path));
    if (csv->rows != csv->columns || csv->rows > DA_MAX_UNITS)
        return DA_FAIL(DA_ERROR_FORMAT,
                       "'%s' has %s and %s: a similarity matrix is square, of at most %d layers", path,
                       da_count(csv->rows, "row").text, da_count(csv->columns, "column").text, DA_MAX_UNITS);
    m->layers = (int)csv->rows;
    if (csv->names && !(m->names = da_strings_copy((const char *const *)csv->names, m->layers))) return DA_ERROR_MEMORY;
    if (da_partition_check_matrix(csv->values, m->layers) != DA_OK) return da_fail_context("'%s': ", path);
    m->values = csv->values;
    csv->values = NULL;
    return DA_OK;
}

da_status matrix_read_file(const char *path, matrix *m) {
    da_csv csv = { 0 };
    matrix made = { 0 };
    da_status status = take_matrix(path, &csv, &made);
    da_csv_free(&csv);
    if (status == DA_OK) *m = made;
    else matrix_free(&made);
    return status;
}

/* cka.csv often has its record beside it, cka.json. One that names no layers, or other ones, is left alone. */
static da_status find_names(cli *c, const char *path, matrix *m) {
    char beside[4096];
    size_t length = strlen(path);
    if (length < 4 || length + 2 > sizeof beside || strcmp(path + length - 4, ".csv") != 0) return DA_OK;
    snprintf(beside, sizeof beside, "%.*s.json", (int)length - 4, path);
    if (!da_file_exists(beside)) return DA_OK;
    if (read_names(beside, m) != DA_OK) {
        cli_note(c, "the layers have numbers: %s", da_error_message());
        return DA_OK;
    }
    DA_TRY(cli_names_are_kept(c, beside));
    cli_note(c, "names of the layers: %s", beside);
    memcpy(c->facts.input, beside, sizeof beside);
    return DA_OK;
}

da_status matrix_read(cli *c, matrix *m) {
    matrix made = { 0 };
    da_status status = matrix_read_file(cli_text(c, "similarity"), &made);
    if (status == DA_OK && cli_has(c, "names")) {
        da_free(made.names);
        made.names = NULL;
        status = read_names(cli_text(c, "names"), &made);
    } else if (status == DA_OK && !made.names) {
        status = find_names(c, cli_text(c, "similarity"), &made);
    }
    if (status == DA_OK && strcmp(made.split, "test") == 0)
        cli_note(c, "'%s' was measured on test images: what it decides here, the test set has decided",
                 cli_text(c, "similarity"));
    if (status == DA_OK) *m = made;
    else matrix_free(&made);
    return status;
}

da_status matrix_open(cli *c, matrix *m) {
    matrix made = { 0 };
    DA_TRY(matrix_read(c, &made));
    da_status status = matrix_partition(c, made.values, made.layers, &made.partition);
    if (status == DA_OK) *m = made;
    else matrix_free(&made);
    return status;
}

void matrix_free(matrix *m) {
    da_free(m->values);
    da_free(m->names);
    da_partition_free(&m->partition);
    memset(m, 0, sizeof *m);
}

da_status matrix_partition(cli *c, const double *values, int layers, da_partition *partition) {
    da_linkage linkage = (da_linkage)cli_choice(c, "linkage");
    return da_partition_extract(values, layers, cli_real(c, "threshold"), linkage, partition);
}

/* By the values of its record, and by the names of its layers, which stand in the chain in this order. */
static da_status check_network(cli *c, const matrix *m, const da_model *model) {
    const char *file = cli_text(c, "similarity");
    char hash[65];
    DA_TRY(da_model_hash(model, -1, hash));
    if (m->hash[0] && strcmp(m->hash + strlen("sha256:"), hash) != 0)
        return DA_FAIL(DA_ERROR_SHAPE, "'%s' is the matrix of another network: of %.19s..., '%s' is sha256:%.12s...: "
                       "measure this one with 'similarity'", file, m->hash, c->arguments[0], hash);
    for (int i = 0, unit = 0; m->names && i < m->layers; i++, unit++) {
        while (unit < model->unit_count && strcmp(model->units[unit]->name, m->names[i]) != 0) unit++;
        if (unit == model->unit_count)
            return DA_FAIL(DA_ERROR_SHAPE, "'%s' is the matrix of another network, or of layers inside units: %s has no "
                           "unit '%s' at that place", file, model->architecture, m->names[i]);
    }
    return DA_OK;
}

da_status matrix_units(cli *c, const matrix *m, const da_model *model, char ***out) {
    DA_TRY(check_network(c, m, model));
    if (m->names) return (*out = da_strings_copy((const char *const *)m->names, m->layers)) ? DA_OK : DA_ERROR_MEMORY;
    int count = 0, *units = da_alloc((size_t)model->unit_count * sizeof *units);
    const char **names = da_alloc((size_t)model->unit_count * sizeof *names);
    da_status status = units && names ? DA_OK : DA_ERROR_MEMORY;
    if (status == DA_OK) status = da_measure_units(model, DA_MEASURE_DEFAULT, units, &count);
    if (status == DA_OK && count != m->layers) status = da_measure_units(model, DA_MEASURE_ALL, units, &count);
    if (status == DA_OK && count != m->layers)
        status = DA_FAIL(DA_ERROR_SHAPE, "'%s' has %s, %s neither so many blocks nor units: give its --names",
                         cli_text(c, "similarity"), da_count(m->layers, "layer").text, model->architecture);
    for (int i = 0; i < count && status == DA_OK; i++) names[i] = model->units[units[i]]->name;
    if (status == DA_OK && !(*out = da_strings_copy(names, count))) status = DA_ERROR_MEMORY;
    da_free(names);
    da_free(units);
    return status;
}

const char *matrix_name(char text[16], char *const *names, int layer) {
    if (names) return names[layer];
    snprintf(text, 16, "%d", layer);
    return text;
}

/* ---- Writing ---- */

/* The first of them that is set to anything decides, as POSIX has it. */
static bool says_utf8(void) {
    static const char *const variables[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    const char *value = NULL;
    for (int i = 0; i < 3 && !(value && *value); i++) value = getenv(variables[i]);
    return value && (strstr(value, "UTF-8") || strstr(value, "utf-8") || strstr(value, "utf8") || strstr(value, "UTF8"));
}

static bool variable_is(const char *variable, const char *value) {
    const char *found = getenv(variable);
    return found && strcmp(found, value) == 0;
}

bool matrix_draws_lines(void) { return says_utf8(); }

/* Colours only where a person looks and did not say no (no-color.org); block characters wherever text is UTF-8. */
static da_ink choose_ink(void) {
    const char *no_colour = getenv("NO_COLOR");
    if (isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && !variable_is("TERM", "dumb"))
        return variable_is("COLORTERM", "truecolor") || variable_is("COLORTERM", "24bit") ? DA_INK_TRUECOLOUR
                                                                                          : DA_INK_256;
    return matrix_draws_lines() ? DA_INK_UNICODE : DA_INK_ASCII;
}

da_status matrix_draw(da_result *to, const double *values, int layers, char *const *names, const da_partition *partition) {
    const char *columns = getenv("COLUMNS");
    da_text picture = { 0 };
    da_status status = da_heatmap_draw(&picture, &(da_heatmap){ .matrix = values, .layers = layers,
        .names = (const char *const *)names, .partition = partition, .ink = choose_ink(),
        .columns = columns && atoi(columns) >= 40 ? atoi(columns) : 0 });
    if (status == DA_OK) da_result_picture(to, da_text_string(&picture));
    da_text_free(&picture);
    return status;
}

bool matrix_begins_stage(char *const *names, int layer) {
    return names && layer > 0 && da_partition_is_transition(names[layer - 1], names[layer]);
}

/* ---- In a result ---- */

void matrix_put_modules(da_result *to, const da_partition *partition) {
    da_modularity metric = da_partition_modularity(partition);
    da_result *modules = da_result_list(to, "modules");
    for (int i = 0; i < partition->modules; i++) {
        da_result *range = da_result_list(modules, NULL);
        da_result_put(range, NULL, da_whole(partition->module[i].begin));
        da_result_put(range, NULL, da_whole(partition->module[i].end));
    }
    da_result *modularity = da_result_object(to, "modularity");
    da_result_put(modularity, "ratio", da_real(metric.ratio));
    da_result_put(modularity, "paper", da_real(metric.paper));
    da_result_put(modularity, "coverage", da_real(metric.coverage));
}

void matrix_put_split(const matrix *m, da_result *to) {
    da_result_put(to, "measured_on", da_word(m->split[0] ? m->split : "unknown"));
}

void matrix_put(const cli *c, da_result *to, char *const *names, const da_partition *partition) {
    da_result_put(to, "layers", da_whole(partition->layers));
    if (names) da_result_words(to, "names", (const char *const *)names, partition->layers);
    da_result_put(to, "threshold", da_real(cli_real(c, "threshold")));
    da_result_put(to, "linkage", da_word(cli_text(c, "linkage")));
    matrix_put_modules(to, partition);
}

void matrix_say_stages(da_result *to, char *const *names, int layers) {
    for (int l = 0; l < layers; l++)
        if (matrix_begins_stage(names, l)) {
            da_result_say(to, "> begins a stage: it changes the shape and cannot be removed\n");
            return;
        }
}

void matrix_say_modules(da_result *to, char *const *names, const da_partition *partition, const char *how) {
    da_modularity metric = da_partition_modularity(partition);
    char text[16];
    da_result_say(to, "%s in %s, %s\n", da_count(partition->layers, "layer").text,
                  da_count(partition->modules, "module").text, how);
    for (int i = 0; i < partition->modules; i++) {
        da_module_range m = partition->module[i];
        da_result_say(to, "  [%d, %d)%s ", m.begin, m.end, da_partition_is_alone(partition, i) ? "  " : " *");
        for (int layer = m.begin; layer < m.end; layer++)
            da_result_say(to, " %s%s", matrix_begins_stage(names, layer) ? ">" : "", matrix_name(text, names, layer));
        da_result_say(to, "\n");
    }
    matrix_say_stages(to, names, partition->layers);
    da_result_say(to, "modularity: ratio (N-M)/N %.3f, paper (N+1-M)/(N+1) %.3f, coverage %.3f\n", metric.ratio,
                  metric.paper, metric.coverage);
}

void matrix_result(const cli *c, da_result *to, char *const *names, const da_partition *partition) {
    char how[80];
    snprintf(how, sizeof how, "threshold %g, linkage %s", cli_real(c, "threshold"), cli_text(c, "linkage"));
    matrix_put(c, to, names, partition);
    matrix_say_modules(to, names, partition, how);
}
