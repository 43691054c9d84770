/* Fingerprints in a file, so that it knows when it is no longer what was written. Metadata "deeparc.fingerprints":
 *
 *     {"values":"sha256:V","model":"sha256:M","file":"sha256:F"}
 *
 *     V   da_model_hash: parameters and buffers
 *     M   da_model_fingerprint: V and all else that the network computes with
 *     F   V, M, the other metadata (key, zero byte, value, zero byte; by key), and the tensors that only training needs, as V
 *         takes the others. With V it covers every bit of the file
 *
 * A reader recomputes V and F from the file alone. It does not recompute M, for which it would have to describe the
 * model in the words of the program that wrote it. A file without the member is as good as any other.
 */
#include "layers/internal.h"

#include "core/sha256.h"

#include <stdio.h>
#include <string.h>

static const char first_of_seal[] = "{\"values\":\"sha256:";

static bool is_extra(const da_safetensors_entry *e) { return strncmp(e->name, "optimizer/", 10) == 0; }

/* The entries, by name; their values are numbers of `element` bytes in the machine's order. */
static void hash_entries(da_sha256 *sha, const da_safetensors *file, bool extra, size_t element) {
    for (int64_t i = 0; i < file->count; i++) {
        const da_safetensors_entry *e = &file->entries[i];
        if (is_extra(e) != extra) continue;
        da_sha256_text(sha, e->name);
        da_sha256_text(sha, e->dtype);
        da_sha256_uint64(sha, (uint64_t)e->ndim);
        for (int d = 0; d < e->ndim; d++) da_sha256_uint64(sha, (uint64_t)e->shape[d]);
        da_sha256_numbers(sha, e->data, e->size / element, element);
    }
}

static void hash_values(const da_safetensors *file, size_t element, char hex[65]) {
    da_sha256 sha;
    da_sha256_init(&sha);
    hash_entries(&sha, file, false, element);
    da_sha256_hex(&sha, hex);
}

static void hash_rest(const da_safetensors *file, size_t element, const char *values, const char *model, char hex[65]) {
    da_sha256 sha;
    da_sha256_init(&sha);
    da_sha256_text(&sha, values);
    da_sha256_text(&sha, model);
    for (int64_t i = 0; i < file->metadata_count; i++) {
        if (strcmp(file->metadata[i].key, DAI_SEAL) == 0) continue;
        da_sha256_text(&sha, file->metadata[i].key);
        da_sha256_text(&sha, file->metadata[i].value);
    }
    hash_entries(&sha, file, true, element);
    da_sha256_hex(&sha, hex);
}

da_status dai_seal_make(const da_safetensors *content, const da_model *model, char text[DAI_SEAL_ROOM]) {
    char values[65], whole[65], rest[65];
    hash_values(content, sizeof(float), values);
    DA_TRY(dai_model_fingerprint(model, values, whole));
    hash_rest(content, sizeof(float), values, whole, rest);
    snprintf(text, DAI_SEAL_ROOM, "%s%s\",\"model\":\"sha256:%s\",\"file\":\"sha256:%s\"}", first_of_seal, values, whole,
             rest);
    return DA_OK;
}

/* ---- Comparing ---- */

static da_status fail(const char *path, const char *what) {
    return DA_FAIL(DA_ERROR_FORMAT,
                   "'%.200s' is not as it was written: %s. Where it was damaged, take another copy; where it was changed "
                   "on purpose, leave out the metadata '" DAI_SEAL "'", path, what);
}

/* The seal is known by its key and by its beginning: a bit that flips in one of them leaves the other. */
static const char *find_seal(const da_safetensors *file, bool *whole) {
    for (int64_t i = 0; i < file->metadata_count; i++) {
        bool key = strcmp(file->metadata[i].key, DAI_SEAL) == 0;
        bool begin = strncmp(file->metadata[i].value, first_of_seal, sizeof first_of_seal - 1) == 0;
        *whole = key && begin;
        if (key || begin) return file->metadata[i].value;
    }
    return NULL;
}

/* HEX of a member "sha256:HEX", "" when there is none. */
static const char *digest_of(const da_json *root, const char *key) {
    const char *text = NULL;
    const da_json *value = da_json_get(root, key);
    if (!value || da_json_as_string(value, &text) != DA_OK || strncmp(text, "sha256:", 7) != 0) return "";
    return text + 7;
}

static da_status compare(const da_safetensors *file, const da_json *seal, const char *path) {
    char values[65], rest[65];
    const char *model = digest_of(seal, "model");
    hash_values(file, 1, values);
    if (strcmp(digest_of(seal, "values"), values) != 0)
        return fail(path, "its parameters have another fingerprint than it records");
    hash_rest(file, 1, values, model, rest);
    if (strcmp(digest_of(seal, "file"), rest) != 0)
        return fail(path, "what it says beside its parameters (network, normalisation, training) has another fingerprint "
                    "than it records");
    return DA_OK;
}

da_status dai_seal_check(const da_safetensors *file, const char *path) {
    bool whole = true;
    const char *text = find_seal(file, &whole);
    da_json *root = NULL;
    if (!text) return DA_OK;
    if (!whole) return fail(path, "the fingerprints in it are damaged");
    da_status status = da_json_parse(&root, text, strlen(text), DAI_SEAL);
    if (status == DA_ERROR_MEMORY) return status;
    if (status != DA_OK) return fail(path, "the fingerprints in it cannot be read");
    status = compare(file, root, path);
    da_json_free(root);
    return status;
}
