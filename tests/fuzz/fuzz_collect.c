/* The records of a sweep as a table, a page and a figure: a line a record. The plan asks for all of them. */
#include "tests/command.h"
#include "tests/fuzz/page.h"
#include "tests/fuzz/temporary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ID = 16 };

/* The ID that a record claims; without one, a name that it does not have. */
static void find_id(const char *line, size_t length, char id[ID + 1]) {
    static const char mark[] = "\"id\":\"";
    strcpy(id, "00000000deadbeef");
    for (size_t i = 0; i + sizeof mark - 1 + ID <= length; i++)
        if (memcmp(line + i, mark, sizeof mark - 1) == 0) {
            if (strspn(line + i + sizeof mark - 1, "0123456789abcdef") >= ID) memcpy(id, line + i + sizeof mark - 1, ID);
            return;
        }
}

static void fill(const char *folder, const char *text, size_t size) {
    char runs[FOLDER_PATH], plan[8192] = "", id[ID + 1], name[ID + 6];
    snprintf(runs, sizeof runs, "%s/runs", folder);
    if (mkdir(runs, 0700) != 0) folder_empty(runs);
    for (const char *line = text, *end = text + size; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop) stop = end;
        find_id(line, (size_t)(stop - line), id);
        snprintf(name, sizeof name, "%s.json", id);
        folder_file(runs, name, line, (size_t)(stop - line));
        const size_t length = strlen(plan);
        snprintf(plan + length, sizeof plan - length, "deeparc sweep run --id %s\n", id);
        line = stop + 1;
    }
    folder_file(folder, "plan.txt", plan, strlen(plan));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const metrics[] = { "paper", "ratio", "coverage", "joined" };
    const char *folder = temporary_folder();
    char page[FOLDER_PATH], csv[FOLDER_PATH], svg[FOLDER_PATH], *text = malloc(size + 1); /* strspn needs an end */
    snprintf(page, sizeof page, "%s/page.html", folder);
    snprintf(csv, sizeof csv, "%s/all.csv", folder);
    snprintf(svg, sizeof svg, "%s/figure.svg", folder);
    memcpy(text, data, size);
    text[size] = '\0';
    fill(folder, text, size);
    free(text);
    const char *const words[] = { "--dir", folder, "--csv", csv, "--html", page, "--metric", metrics[size % 4],
                                  size & 4 ? "--svg" : NULL, svg, NULL };
    da_error_clear();
    if (command_run(&cli_sweep_collect, NULL, words) == DA_OK) {
        page_check(page, "</html>\n");
        if (size & 4) page_check(svg, "</svg>\n");
    } else if (da_error_message()[0] == '\0') abort();
    if (da_memory().live_blocks != 0) abort();
    return 0;
}
