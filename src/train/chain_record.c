/* SPDX-License-Identifier: Apache-2.0
 *
 * chain_record.c: files are known by their hash: the same data may lie elsewhere.
 */
#include "train/chain_record.h"

#include "package/file_hash.h"

#include <string.h>

#define RECORD_NAME "settings.txt"

static bool lies_in(char path[HG_PATH_BYTES], const char *folder, const char *name)
{
    return hg_path_join(path, folder, name, NULL) == HG_STATUS_OK && hg_file_exists(path);
}

hg_status hg_chain_record_add_file(hg_buffer *record, const char *name, const char *path, hg_error *err)
{
    char hash[HG_FILE_HASH_BYTES] = "none";
    hg_hash_progress nobody = {0};
    hg_status status = path[0] == 0 ? HG_STATUS_OK : hg_file_hash(path, hash, &nobody, err);
    if (status == HG_STATUS_OK && !hg_buffer_push_format(record, "%s = %s\n", name, hash))
        status = hg_error_memory(err, record->max_bytes, "the record of a stage");
    return status;
}

/* The first lines in which the two differ. */
static hg_status compare(const char *path, const char *folder, const char *old, const char *now,
                         hg_error *err)
{
    while (*old != 0 || *now != 0) {
        int n = (int)strcspn(old, "\n"), m = (int)strcspn(now, "\n");
        if (n != m || memcmp(old, now, (size_t)n) != 0)
            return hg_error_set(err, HG_STATUS_USAGE,
                                "it was begun with other settings (%s): '%.*s', and now it is '%.*s'. Set it "
                                "back, or remove %s and the folders of the stages behind it to make them "
                                "anew",
                                path, n, old, m, now, folder);
        old += n + (old[n] == '\n');
        now += m + (now[m] == '\n');
    }
    return HG_STATUS_OK;
}

hg_status hg_chain_record_keep(const char *folder, const char *finished, const hg_buffer *record, bool resume,
                               hg_error *err)
{
    char path[HG_PATH_BYTES], other[HG_PATH_BYTES];
    hg_buffer old;
    bool begun = lies_in(other, folder, "checkpoint.safetensors") || lies_in(other, folder, finished);
    bool recorded = lies_in(path, folder, RECORD_NAME);
    if (begun && recorded && !resume)
        return HG_STATUS_OK; /* the stage will say that it is there already */
    if (!begun || !recorded) {
        hg_status status = hg_folder_create(folder, err);
        if (status == HG_STATUS_OK)
            status = hg_path_join(path, folder, RECORD_NAME, err);
        return status == HG_STATUS_OK ? hg_file_write(path, record->data, record->size, err) : status;
    }
    hg_buffer_init(&old, HG_CHAIN_RECORD_MAX_BYTES);
    hg_status status = hg_file_read(path, &old, err);
    if (status == HG_STATUS_OK)
        status = compare(path, folder, (const char *)old.data, (const char *)record->data, err);
    hg_buffer_deinit(&old);
    return status;
}
