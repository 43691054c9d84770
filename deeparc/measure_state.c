/* {"settings": "...", "batches_done": 12, "similarity": {...}, "fingerprint": "sha256:..."}
 *
 * The fingerprint is that of the members before it, as they are written: what was restored, written again, has it too. */
#include "deeparc/measure_state.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/sha256.h"

#include <string.h>

enum { FINGERPRINT = 7 + 65 };

static void put_members(da_json_writer *w, const char *settings, int64_t done, const da_similarity *s) {
    da_json_key(w, "settings");
    da_json_put_string(w, settings);
    da_json_key(w, "batches_done");
    da_json_put_int(w, done);
    da_json_key(w, "similarity");
    da_json_begin_object(w);
    da_similarity_save(s, w);
    da_json_end(w);
}

static da_status sign(const char *settings, int64_t done, const da_similarity *s, char fingerprint[FINGERPRINT]) {
    da_json_writer w;
    da_sha256 sha;
    char *text;
    size_t size;
    da_json_writer_init(&w, false);
    da_json_begin_object(&w);
    put_members(&w, settings, done, s);
    da_json_end(&w);
    DA_TRY(da_json_finish(&w, &text, &size));
    memcpy(fingerprint, "sha256:", 8);
    da_sha256_init(&sha);
    da_sha256_update(&sha, text, size);
    da_sha256_hex(&sha, fingerprint + 7);
    da_free(text);
    return DA_OK;
}

da_status dai_measure_state_write(const char *path, const char *settings, int64_t done, const da_similarity *s) {
    da_json_writer w;
    char *text, fingerprint[FINGERPRINT];
    size_t size;
    DA_TRY(sign(settings, done, s, fingerprint));
    da_json_writer_init(&w, false);
    da_json_begin_object(&w);
    put_members(&w, settings, done, s);
    da_json_key(&w, "fingerprint");
    da_json_put_string(&w, fingerprint);
    da_json_end(&w);
    DA_TRY(da_json_finish(&w, &text, &size));
    da_status status = da_file_save(path, text, size);
    da_free(text);
    return status;
}

static da_status restore(const da_json *root, const char *settings, int64_t *done, da_similarity *s) {
    const char *saved, *signature;
    const da_json *similarity;
    char fingerprint[FINGERPRINT];
    int64_t batches;
    DA_TRY(da_json_string(root, "settings", &saved));
    if (strcmp(saved, settings) != 0)
        return DA_FAIL(DA_ERROR_FORMAT, "it is of a run with other settings (%.500s), this one has %.500s", saved,
                       settings);
    DA_TRY(da_json_int(root, "batches_done", &batches));
    DA_TRY(da_json_object(root, "similarity", &similarity));
    DA_TRY(da_similarity_restore(s, similarity));
    if (batches < 0 || batches != da_similarity_batches(s) + da_similarity_skipped(s))
        return DA_FAIL(DA_ERROR_FORMAT, "it counts %s, its sums are of another number", da_count(batches, "batch").text);
    DA_TRY(sign(settings, batches, s, fingerprint));
    DA_TRY(da_json_string(root, "fingerprint", &signature));
    if (strcmp(signature, fingerprint) != 0)
        return DA_FAIL(DA_ERROR_FORMAT, "it is damaged, its sums are not those that were saved: remove it to begin again");
    *done = batches;
    return DA_OK;
}

da_status dai_measure_state_read(const char *path, const char *settings, int64_t *done, da_similarity *s) {
    da_json *root;
    *done = 0;
    if (!da_file_exists(path)) return DA_OK;
    DA_TRY(da_json_read(&root, path));
    da_status status = restore(root, settings, done, s);
    da_json_free(root);
    return status == DA_OK ? DA_OK : da_fail_context("the state '%s' cannot be continued: ", path);
}
