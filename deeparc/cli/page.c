/* What stands around a page's contents: by which run it was made, and the headers of all runs that it shows. */
#include "deeparc/cli/page.h"
#include "deeparc/cli/record.h"
#include "deeparc/cli/report.h"

#include "core/file.h"
#include "core/memory.h"
#include "deeparc/present/html.h"

#include <string.h>

/* ---- One header as text ---- */

static const char *known(const da_json *run, const char *key) {
    const char *text = report_text(run, key);
    return *text ? text : "unknown";
}

/* "sha256:HEX" without its first word, as sha256sum prints it. */
static const char *digits_of(const da_json *object, const char *key) {
    const char *text = known(object, key), *colon = strchr(text, ':');
    return colon ? colon + 1 : text;
}

static void add_value(da_text *text, const da_json *value) {
    const char *word = "";
    bool yes = false;
    double number = 0;
    switch (da_json_kind(value)) {
    case DA_JSON_STRING: (void)da_json_as_string(value, &word); da_text_append(text, word); break;
    case DA_JSON_NUMBER: (void)da_json_as_double(value, &number); da_text_rounded(text, number, 9); break;
    case DA_JSON_BOOL:   (void)da_json_as_bool(value, &yes); da_text_append(text, yes ? "yes" : "no"); break;
    case DA_JSON_ARRAY:
        for (const da_json *item = da_json_first(value); item; item = da_json_next(item)) {
            if (da_json_kind(item) != DA_JSON_ARRAY) add_value(text, item);
            if (da_json_next(item)) da_text_append(text, ", ");
        }
        break;
    default: da_text_append(text, "-");
    }
}

static void add_options(const da_json *options, da_text *text) {
    for (const da_json *o = da_json_first(options); o; o = da_json_next(o)) {
        da_text_printf(text, "  %-16s ", da_json_key_of(o) ? da_json_key_of(o) : "");
        add_value(text, o);
        da_text_append(text, "\n");
    }
}

static void add_files(const da_json *list, da_text *text) {
    for (const da_json *f = da_json_first(list); f; f = da_json_next(f))
        da_text_printf(text, "  %s  %s\n", digits_of(f, "sha256"), known(f, "file"));
}

static void add_data(const da_json *list, da_text *text) {
    for (const da_json *d = da_json_first(list); d; d = da_json_next(d)) {
        const char *altered = report_text(d, "altered");
        da_text_printf(text, "  %s of %s, %s (%s), %s%s%s\n", known(d, "part"), known(d, "name"),
                       report_count(d, "images", "image").text, known(d, "source"), known(d, "content"),
                       *altered ? ": " : "", altered);
        da_text_printf(text, "  %s  fingerprint of these images\n", digits_of(d, "fingerprint"));
        add_files(da_json_get(d, "files"), text);
    }
}

static void add_models(const da_json *list, da_text *text) {
    for (const da_json *m = da_json_first(list); m; m = da_json_next(m)) {
        const char *file = report_text(m, "file");
        da_text_printf(text, "  %s  values of %s\n", digits_of(m, "values"), *file ? file : "a model in no file");
        da_text_printf(text, "  %s  ... its whole network\n", digits_of(m, "network"));
    }
}

/* All of a header, part by part; what an older version did not write is left out. */
static void add_header(const da_json *run, da_text *text) {
    static const char *const facts[] = { "version", "commit", "compiler", "flags", "seed", "kernels", "threads",
                                         "machine" };
    static const struct { const char *key, *title; void (*add)(const da_json *, da_text *); } parts[] = {
        { "options", "options in effect", add_options },
        { "data", "data", add_data },
        { "models", "models", add_models },
        { "inputs", "SHA-256 of the files read", add_files },
        { "outputs", "... and written", add_files } };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        if (!da_json_get(run, facts[i])) continue;
        da_text_printf(text, "%-18s ", facts[i]);
        add_value(text, da_json_get(run, facts[i]));
        da_text_append(text, "\n");
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const da_json *part = da_json_get(run, parts[i].key);
        if (da_json_count(part) == 0) continue;
        da_text_printf(text, "\n%s\n", parts[i].title);
        parts[i].add(part, text);
    }
}

static void add_details(const char *summary, const da_json *run, da_text *page) {
    da_text text = { 0 };
    add_header(run, &text);
    if (page->status == DA_OK) page->status = da_text_status(&text);
    if (text.length > 0) {
        da_html_details_begin(page, summary);
        da_html_code(page, da_text_string(&text));
        da_html_details_end(page);
    }
    da_text_free(&text);
}

/* ---- The end of the page ---- */

enum { COLUMNS = 7 };

static da_status add_table(const page_request *p, da_text *page) {
    static const char *const header[COLUMNS] = { "record", "command", "version", "commit", "kernels", "threads",
                                                 "machine" };
    cells t;
    DA_TRY(cells_init(&t, COLUMNS * p->source_count));
    for (int i = 0; i < p->source_count; i++) {
        const da_json *record = p->sources[i].record, *run = da_json_get(record, "run");
        const double threads = report_number(run, "threads");
        cells_add(&t, "%.90s", p->sources[i].name);
        cells_add(&t, "%.40s", known(record, "command"));
        cells_add(&t, "%.20s", known(run, "version"));
        cells_add(&t, "%.18s", known(run, "commit")); /* 12 digits and "-dirty" */
        cells_add(&t, "%.20s", known(run, "kernels"));
        cells_add(&t, threads >= 0 ? "%.0f" : "unknown", threads);
        cells_add(&t, "%.90s", known(run, "machine"));
    }
    da_html_table(page, "the records shown here, and what made each", COLUMNS, header, p->source_count, t.cell, -1);
    cells_free(&t);
    return DA_OK;
}

static da_status add_sources(const page_request *p, const da_json *run, da_text *page) {
    char summary[PAGE_SOURCE + 64];
    da_html_section_begin(page, "Where it comes from");
    da_status status = p->source_count > 0 ? add_table(p, page) : DA_OK;
    for (int i = 0; i < p->source_count; i++) {
        snprintf(summary, sizeof summary, "%s: options, data, models, files", p->sources[i].name);
        add_details(summary, da_json_get(p->sources[i].record, "run"), page);
    }
    add_details(p->source_count > 0 ? "This page" : "Options, data, models, files", run, page);
    da_html_section_end(page);
    return status;
}

/* ---- The page ---- */

static da_status read_own_header(cli *c, da_json **run) {
    da_json_writer to;
    char *text;
    size_t size;
    da_json_writer_init(&to, false);
    da_json_begin_object(&to);
    run_put(c, &to, false);
    da_json_end(&to);
    DA_TRY(da_json_finish(&to, &text, &size));
    da_status status = da_json_parse(run, text, size, "the header");
    da_free(text);
    return status;
}

static void add_maker(const da_json *run, da_text *page) {
    char text[512];
    snprintf(text, sizeof text, "Made by deeparc %.32s, commit %.18s; kernels %.16s, threads %.0f; %.256s.",
             known(run, "version"), known(run, "commit"), known(run, "kernels"), report_number(run, "threads"),
             known(run, "machine"));
    da_html_note(page, text);
}

da_status page_save(cli *c, const char *path, const page_request *p, size_t *size) {
    da_json *run = NULL;
    da_text page = { 0 };
    DA_TRY(read_own_header(c, &run));
    da_html_begin(&page, p->title, p->subtitle);
    add_maker(run, &page);
    da_status status = p->fill(p->context, &page);
    if (status == DA_OK) status = add_sources(p, run, &page);
    da_html_end(&page, "deeparc " DA_VERSION);
    if (status == DA_OK) status = da_text_status(&page);
    if (status == DA_OK) status = da_file_save(path, da_text_string(&page), page.length);
    if (status == DA_OK && size) *size = page.length;
    da_text_free(&page);
    da_json_free(run);
    return status;
}
