/* The commands that read records: `report` and `sweep collect`, on records as the other commands write them, on numbers
 * that no command writes, and without memory. */
#include "core/file.h"
#include "core/memory.h"
#include "layers/checkpoint.h"
#include "layers/zoo.h"
#include "tests/command.h"
#include "tests/folder.h"
#include "tests/unit/test.h"

#include <stdio.h>

enum { PATH = 256 };
typedef struct place { char folder[PATH], page[PATH + 8], csv[PATH + 8], svg[PATH + 8]; } place;

static place new_place(const char *name) {
    place p;
    snprintf(p.folder, PATH, "%s", test_temporary(name));
    snprintf(p.page, PATH + 8, "%s.html", p.folder);
    snprintf(p.csv, PATH + 8, "%s.csv", p.folder);
    snprintf(p.svg, PATH + 8, "%s.svg", p.folder);
    CHECK_OK(da_directory_make(p.folder));
    return p;
}

/* The records that fuzzing begins with. */
static char *seeds(const char *name) {
    char path[PATH];
    uint8_t *bytes = NULL;
    size_t size;
    snprintf(path, sizeof path, "tests/fuzz/seeds/%s/all", name);
    CHECK_OK(da_file_read(path, 1 << 20, &bytes, &size)); /* tests run at the top of the tree */
    return (char *)bytes;
}

static place new_records(void) {
    place p = new_place("records");
    char *text = seeds("fuzz_report");
    if (text) CHECK(folder_fill(p.folder, text, strlen(text)) == 5);
    da_free(text);
    return p;
}

/* Every line is a run; its ID is its number. */
static place new_sweep(void) {
    place p = new_place("sweep");
    char runs[PATH + 8], name[32], plan[512] = "", *text = seeds("fuzz_collect");
    int number = 0;
    snprintf(runs, sizeof runs, "%s/runs", p.folder);
    CHECK_OK(da_directory_make(runs));
    for (const char *line = text; line && *line; line += strcspn(line, "\n") + 1) {
        snprintf(name, sizeof name, "%016x.json", (unsigned)++number);
        folder_file(runs, name, line, strcspn(line, "\n"));
        snprintf(plan + strlen(plan), sizeof plan - strlen(plan), "deeparc sweep run --id %.16s\n", name);
    }
    CHECK_INT(number, 4);
    folder_file(p.folder, "plan.txt", plan, strlen(plan));
    da_free(text);
    return p;
}

static da_status report(const place *p) {
    return command_run(&cli_report, NULL, (const char *[]){ p->folder, "--out", p->page, NULL });
}

static da_status collect(const place *p) {
    return command_run(&cli_sweep_collect, NULL,
                       (const char *[]){ "--dir", p->folder, "--html", p->page, "--csv", p->csv, "--svg", p->svg,
                                         NULL });
}

static bool page_has(const place *p, const char *part) {
    uint8_t *bytes = NULL;
    size_t size;
    bool found = da_file_read(p->page, 1 << 24, &bytes, &size) == DA_OK && strstr((const char *)bytes, part) != NULL;
    da_free(bytes);
    return found;
}

TEST(report_makes_a_page_of_all_records) {
    place p = new_records();
    CHECK_OK(report(&p));
    CHECK(page_has(&p, "Similarity and modules") && page_has(&p, "Repair") && page_has(&p, "</html>"));
    CHECK(page_has(&p, ">84,712<")); /* multiply-adds */
    folder_empty(p.folder);
}

TEST(report_writes_counts_of_any_size) {
    static const struct { const char *number, *shown; } cases[] = {
        { "1e300", ">1e+300<" }, { "-1e300", ">-1e+300<" }, { "1e31", ">1e+31<" }, { "1e15", ">1,000,000,000,000,000<" }, { "1e16", ">1e+16<" },
        { "999999999999999", ">999,999,999,999,999<" }, { "-123", ">-123<" }, { "0", ">0<" }, { "1234", ">1,234<" },
        { "null", "mlp" }
    };
    place p = new_place("counts");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char record[200];
        int length = snprintf(record, sizeof record, "{\"model\":\"mlp\",\"accuracy\":0.5,\"parameters\":%s}",
                              cases[i].number);
        folder_file(p.folder, "train.json", record, (size_t)length);
        CHECK_OK(report(&p));
        if (!page_has(&p, cases[i].shown))
            test_fail(__FILE__, __LINE__, "%s is not shown as %s", cases[i].number, cases[i].shown);
    }
    folder_empty(p.folder);
}

/* A line of the sweep's first record, with one number replaced, is refused: no picture can show it. */
TEST(collect_refuses_numbers_that_no_run_has) {
    static const struct { const char *key, *number, *says; } cases[] = {
        { "\"depth\":", "0", "0 layers" }, { "\"depth\":", "-14", "-14 layers" }, { "\"depth\":", "1e300", "layers" },
        { "\"paper\":", "1e308", "no share" }, { "\"ratio\":", "-1", "no share" },
        { "\"modules\":", "1e9", "modules of" }
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        place p = new_sweep();
        char path[PATH + 40], record[8192], *text = seeds("fuzz_collect");
        const char *at = text ? strstr(text, cases[i].key) : NULL, *end = text ? strchr(text, '\n') : NULL;
        CHECK(at && end && at < end);
        if (test_failed()) { da_free(text); return; }
        at += strlen(cases[i].key);
        const char *rest = at + strcspn(at, ",}");
        int length = snprintf(record, sizeof record, "%.*s%s%.*s", (int)(at - text), text, cases[i].number,
                              (int)(end - rest), rest);
        snprintf(path, sizeof path, "%s/runs", p.folder);
        folder_file(path, "0000000000000001.json", record, (size_t)length);
        CHECK_FAILS(collect(&p), DA_ERROR_FORMAT, cases[i].says);
        da_free(text);
    }
}

/* Allocation after allocation fails, of the later ones every n-th: a sentence that says memory, and nothing leaks. */
static void check_without_memory(da_status (*run)(const place *p), const place *p, int every) {
    da_status status = DA_ERROR_MEMORY;
    int64_t k = 0;
    for (; status != DA_OK && !test_failed(); k += k < 300 ? 1 : every) {
        const int64_t blocks = da_memory().live_blocks;
        da_error_clear();
        da_memory_fail_after(k);
        status = run(p);
        da_memory_fail_after(-1);
        CHECK_INT(da_memory().live_blocks, blocks);
        if (status != DA_OK && (status != DA_ERROR_MEMORY || !strstr(da_error_message(), "memory")))
            test_fail(__FILE__, __LINE__, "allocation %lld fails: %d, '%s'", (long long)k, (int)status,
                      da_error_message());
    }
    CHECK_OK(status);
    CHECK(k > 50);
}

TEST(report_survives_failing_allocations) {
    place p = new_records();
    check_without_memory(report, &p, 1);
    folder_empty(p.folder);
}

TEST(collect_survives_failing_allocations) {
    place p = new_sweep();
    check_without_memory(collect, &p, 1);
    CHECK(page_has(&p, "</html>"));
}

static da_status study(const place *p) {
    const char *const words[] = { p->folder, "--data", "digits", "--normalize", "none", "--limit", "64", "--test-limit",
                                  "16", "--batch", "16", "--most", "1", "--controls", "1", "--among", "anywhere",
                                  "--threshold", "0", "--attack-limit", "4", "--steps", "1", "--html", p->page, "--csv",
                                  p->csv, NULL };
    return command_run(&cli_properties, NULL, words);
}

TEST(properties_command_survives_failing_allocations) {
    place p = new_place("study");
    da_model *model = NULL;
    CHECK(rmdir(p.folder) == 0); /* the folder becomes the model's file */
    CHECK_OK(da_zoo_build(&model, "resnet14x0.0625", (int64_t[]){ 28, 28, 1 }, 10, NULL));
    CHECK_OK(da_model_initialize(model, DA_INIT_HE, 1));
    CHECK_OK(da_checkpoint_save(model, p.folder, NULL));
    da_model_free(model);
    check_without_memory(study, &p, 97);
    CHECK(page_has(&p, "</html>"));
}
