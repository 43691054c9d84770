/* A folder of records as a page: a line a file, "train.json {...}". The page must be whole whatever the records hold, or
 * there is none and a sentence says why. */
#include "tests/command.h"
#include "tests/fuzz/page.h"
#include "tests/fuzz/temporary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *folder = temporary_folder();
    char page[FOLDER_PATH];
    snprintf(page, sizeof page, "%s/page.html", folder);
    folder_fill(folder, (const char *)data, size);
    (void)unlink(page);
    da_error_clear();
    if (command_run(&cli_report, NULL, (const char *[]){ folder, "--out", page, NULL }) == DA_OK)
        page_check(page, "</html>\n");
    else if (da_error_message()[0] == '\0' || access(page, F_OK) == 0) abort();
    if (da_memory().live_blocks != 0) abort();
    return 0;
}
