/* SPDX-License-Identifier: Apache-2.0
 *
 * text_source.c: one document at a time; a plain file is read whole.
 */
#include "pretrain/text_source.h"

#include "base/buffer.h"
#include "base/file.h"

#include <string.h>

#define TEXT_MAX_BYTES ((size_t)1 << 31)

static hg_status read_plain(hg_text_reader *r, const char *path, hg_error *err)
{
    hg_buffer file;
    hg_buffer_init(&file, TEXT_MAX_BYTES);
    hg_status status = hg_file_read(path, &file, err);
    const char *text = hg_buffer_text(&file), *end = text + file.size;
    for (size_t i = 0; i < file.size; i++)
        r->fingerprint = (r->fingerprint ^ file.data[i]) * 1099511628211U;
    while (status == HG_STATUS_OK && text < end) {
        const char *stop = strstr(text, "\n\n");
        stop = stop == NULL ? end : stop;
        hg_text_document document = {.text = text, .n = (size_t)(stop - text)};
        if (document.n > 0) {
            r->n_documents++;
            status = r->visit(r->user, &document, err);
        }
        text = stop;
        while (text < end && *text == '\n')
            text++;
    }
    hg_buffer_deinit(&file);
    return status;
}

static hg_status read_item(hg_text_reader *r, const hg_llava_set *set, size_t index, hg_error *err)
{
    hg_llava_item item;
    hg_error why = {HG_STATUS_OK, ""};
    hg_status status = hg_llava_read(set, index, &item, &why);
    if (status == HG_STATUS_OK) {
        hg_text_document document = {.turns = item.turns, .n_turns = item.n_turns};
        r->n_documents++;
        status = r->visit(r->user, &document, err);
        hg_llava_item_deinit(&item);
        return status;
    }
    if (status != HG_STATUS_INPUT) {
        *err = why;
        return status;
    }
    r->n_bad++;
    if (r->listener != NULL && r->listener->note != NULL)
        r->listener->note(r->listener->user, why.text);
    return HG_STATUS_OK;
}

static hg_status read_items(hg_text_reader *r, const char *path, const char *images, hg_error *err)
{
    hg_llava_set *set = NULL;
    hg_status status = hg_llava_open(&set, path, images, err);
    if (status == HG_STATUS_OK)
        r->fingerprint = r->fingerprint * 31 + hg_llava_fingerprint(set);
    for (size_t i = 0; status == HG_STATUS_OK && i < hg_llava_n_items(set); i++) {
        status = read_item(r, set, i, err);
        if (status == HG_STATUS_OK)
            status = hg_llava_report(set, r->listener, i + 1, err);
    }
    hg_llava_close(set);
    return status;
}

hg_status hg_text_read(hg_text_reader *reader, const char *paths, const char *images, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    while (*paths != 0 && status == HG_STATUS_OK) {
        char path[HG_PATH_BYTES];
        size_t n = strcspn(paths, ",");
        if (n >= sizeof path)
            return hg_error_set(err, HG_STATUS_USAGE, "a path of %zu bytes", n);
        memcpy(path, paths, n);
        path[n] = 0;
        paths += n + (paths[n] == ',');
        bool plain = n > 4 && strcmp(path + n - 4, ".txt") == 0;
        status = plain ? read_plain(reader, path, err) : read_items(reader, path, images, err);
    }
    return status;
}
