/* What stands around a page's contents: by which run it was made, and the headers of all runs that it shows. */
#include "deeparc/present/page.h"

#include "core/file.h"
#include "deeparc/present/html.h"
#include "deeparc/present/report.h"
#include "deeparc/present/show.h"

#include <stdio.h>
#include <string.h>

/* ---- One header as text ---- */

static const char *known(const da_result *run, const char *key) {
    const char *text = da_result_text(run, key);
    return *text ? text : "unknown";
}

/* "sha256:HEX" without its first word, as sha256sum prints it. */
static const char *digits_of(const da_result *object, const char *key) {
    const char *text = known(object, key), *colon = strchr(text, ':');
    return colon ? colon + 1 : text;
}

static void add_value(da_text *text, const da_result *value) {
    if (da_result_kind_of(value) == DA_LIST) {
        for (const da_result *item = da_result_first(value); item; item = da_result_next(item)) {
            if (da_result_kind_of(item) != DA_LIST) add_value(text, item);
            if (da_result_next(item)) da_text_append(text, ", ");
        }
        return;
    }
    const size_t before = text->length;
    da_value known_value = da_result_value(value);
    if (known_value.kind == DA_REAL) da_text_rounded(text, known_value.as.real, 9);
    else da_show_value(text, &(da_column){ .key = NULL }, known_value);
    if (text->length == before) da_text_append(text, known_value.kind == DA_WORD ? "" : "-");
}

static void add_options(const da_result *options, da_text *text) {
    for (const da_result *o = da_result_first(options); o; o = da_result_next(o)) {
        da_text_printf(text, "  %-16s ", da_result_key(o) ? da_result_key(o) : "");
        add_value(text, o);
        da_text_append(text, "\n");
    }
}

static void add_files(const da_result *list, da_text *text) {
    for (const da_result *f = da_result_first(list); f; f = da_result_next(f))
        da_text_printf(text, "  %s  %s\n", digits_of(f, "sha256"), known(f, "file"));
}

static void add_data(const da_result *list, da_text *text) {
    for (const da_result *d = da_result_first(list); d; d = da_result_next(d)) {
        const char *altered = da_result_text(d, "altered");
        da_text_printf(text, "  %s of %s, %s (%s), %s%s%s\n", known(d, "part"), known(d, "name"),
                       da_report_count(d, "images", "image").text, known(d, "source"), known(d, "content"),
                       *altered ? ": " : "", altered);
        da_text_printf(text, "  %s  fingerprint of these images\n", digits_of(d, "fingerprint"));
        add_files(da_result_find(d, "files"), text);
    }
}

static void add_models(const da_result *list, da_text *text) {
    for (const da_result *m = da_result_first(list); m; m = da_result_next(m)) {
        const char *file = da_result_text(m, "file");
        da_text_printf(text, "  %s  values of %s\n", digits_of(m, "values"), *file ? file : "a model in no file");
        da_text_printf(text, "  %s  ... its whole network\n", digits_of(m, "network"));
    }
}

/* All of a header, part by part; what an older version did not write is left out. */
static void add_header(const da_result *run, da_text *text) {
    static const char *const facts[] = { "version", "commit", "compiler", "flags", "seed", "kernels", "threads",
                                         "machine" };
    static const struct { const char *key, *title; void (*add)(const da_result *, da_text *); } parts[] = {
        { "options", "options in effect", add_options },
        { "data", "data", add_data },
        { "models", "models", add_models },
        { "inputs", "SHA-256 of the files read", add_files },
        { "outputs", "... and written", add_files } };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        if (!da_result_find(run, facts[i])) continue;
        da_text_printf(text, "%-18s ", facts[i]);
        add_value(text, da_result_find(run, facts[i]));
        da_text_append(text, "\n");
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const da_result *part = da_result_find(run, parts[i].key);
        if (da_result_count(part) == 0) continue;
        da_text_printf(text, "\n%s\n", parts[i].title);
        parts[i].add(part, text);
    }
}

static void add_details(const char *summary, const da_result *run, da_text *page) {
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

static void add_table(const da_page_request *p, da_text *page) {
    static const da_column columns[] = {
        { .label = "record" }, { .label = "command" }, { .label = "version" }, { .label = "commit" },
        { .label = "kernels" }, { .label = "threads" }, { .label = "machine" } };
    da_result *tables = da_result_new(), *t = da_result_table(tables, NULL, columns, 7);
    for (int i = 0; i < p->source_count; i++) {
        const da_result *record = p->sources[i].record, *run = da_result_find(record, "run");
        const double threads = da_result_number(run, "threads");
        da_row(t, da_word(p->sources[i].name), da_word(known(record, "command")), da_word(known(run, "version")),
               da_word(known(run, "commit")), da_word(known(run, "kernels")),
               threads >= 0 ? da_real(threads) : da_word("unknown"), da_word(known(run, "machine")));
    }
    da_show_table(page, "the records shown here, and what made each", t, -1);
    da_result_free(tables);
}

static void add_sources(const da_page_request *p, da_text *page) {
    char summary[DA_PAGE_SOURCE + 64];
    da_html_section_begin(page, "Where it comes from");
    if (p->source_count > 0) add_table(p, page);
    for (int i = 0; i < p->source_count; i++) {
        snprintf(summary, sizeof summary, "%s: options, data, models, files", p->sources[i].name);
        add_details(summary, da_result_find(p->sources[i].record, "run"), page);
    }
    add_details(p->source_count > 0 ? "This page" : "Options, data, models, files", p->run, page);
    da_html_section_end(page);
}

/* ---- The page ---- */

static void add_maker(const da_result *run, da_text *page) {
    char text[512];
    snprintf(text, sizeof text, "Made by deeparc %.32s, commit %.18s; kernels %.16s, threads %.0f; %.256s.",
             known(run, "version"), known(run, "commit"), known(run, "kernels"), da_result_number(run, "threads"),
             known(run, "machine"));
    da_html_note(page, text);
}

da_status da_page_save(const char *path, const da_page_request *p, size_t *size) {
    da_text page = { 0 };
    da_html_begin(&page, p->title, p->subtitle);
    add_maker(p->run, &page);
    da_status status = p->fill(p->context, &page);
    if (status == DA_OK) add_sources(p, &page);
    da_html_end(&page, "deeparc " DA_VERSION);
    if (status == DA_OK) status = da_text_status(&page);
    if (status == DA_OK) status = da_file_save(path, da_text_string(&page), page.length);
    if (status == DA_OK && size) *size = page.length;
    da_text_free(&page);
    return status;
}
