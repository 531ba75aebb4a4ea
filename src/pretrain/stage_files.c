/* SPDX-License-Identifier: Apache-2.0
 *
 * stage_files.c: small common parts.
 */
#include "pretrain/stage_files.h"

#include "base/memory.h"

hg_status hg_stage_folder(char folder[HG_PATH_BYTES], const hg_pretrain_settings *s, const char *name,
                          hg_error *err)
{
    hg_status status = hg_path_join(folder, s->out, name, err);
    return status == HG_STATUS_OK ? hg_folder_create(folder, err) : status;
}

hg_status hg_stage_write_text(const char *folder, const char *name, hg_buffer *text, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_status status = hg_path_join(path, folder, name, err);
    if (status == HG_STATUS_OK)
        status = text->size > 0 ? hg_file_write(path, text->data, text->size, err)
                                : hg_error_memory(err, text->max_bytes, name);
    hg_buffer_deinit(text);
    return status;
}

hg_dtype hg_stage_type(const hg_pretrain_settings *s)
{
    static const hg_dtype types[] = {HG_DTYPE_F32, HG_DTYPE_F16, HG_DTYPE_BF16};
    return types[s->type];
}

static void reading_note(void *user, const char *text)
{
    const hg_train_listener *listener = user;
    if (listener != NULL && listener->on_note != NULL)
        listener->on_note(listener->user, text);
}

static bool reading_progress(void *user, int64_t done, int64_t n)
{
    const hg_train_listener *listener = user;
    return listener == NULL || listener->on_read == NULL || listener->on_read(listener->user, done, n);
}

hg_llava_listener hg_stage_reading(const hg_train_listener *listener)
{
    return (hg_llava_listener){reading_note, reading_progress, (void *)(uintptr_t)listener};
}

#define LEAST_TO_SPLIT 20

hg_status hg_split_init(hg_split *split, int64_t n, int64_t n_held, hg_error *err)
{
    n_held = n < LEAST_TO_SPLIT ? 0 : n_held > n / 10 ? n / 10 : n_held;
    *split = (hg_split){0};
    split->train = hg_mem_array((size_t)n + 1, sizeof *split->train);
    split->held = hg_mem_array((size_t)n + 1, sizeof *split->held);
    if (split->train == NULL || split->held == NULL)
        return hg_error_memory(err, 2 * (unsigned long long)n * sizeof *split->train, "a list of items");
    for (int64_t i = 0; i < n; i++) {
        /* Item i is held back where i · n_held / n takes its next whole value. */
        bool held = n_held > 0 && (i + 1) * n_held / n > i * n_held / n;
        if (held)
            split->held[split->n_held++] = (uint32_t)i;
        else
            split->train[split->n_train++] = (uint32_t)i;
    }
    for (int64_t i = 0; i < n && n_held == 0; i++)
        split->held[split->n_held++] = (uint32_t)i;
    return HG_STATUS_OK;
}

void hg_split_deinit(hg_split *split)
{
    hg_mem_free(split->train);
    hg_mem_free(split->held);
    *split = (hg_split){0};
}
