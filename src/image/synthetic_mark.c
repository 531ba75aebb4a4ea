/* SPDX-License-Identifier: Apache-2.0
 *
 * synthetic_mark.c: all writers store the mark as plain text near an end of the file, so it is looked for
 * there, whatever the format; of a compressed NIfTI file in its first bytes. memmem is of GNU.
 */
#define _GNU_SOURCE
#include "image/synthetic_mark.h"

#include "image/gzip_stream.h"

#include <string.h>

#define MARK_SEARCH_BYTES 65536
#define MARK_MEMBER_BYTES 16384 /* of each file of a series */
#define MARK_GZIP_BYTES 1024

static bool mark_in(const uint8_t *bytes, size_t n)
{
    static const char mark[] = HG_IMAGE_SYNTHETIC_COMMENT;
    return memmem(bytes, n, mark, sizeof mark - 1) != NULL;
}

static bool mark_in_gzip(const hg_image_file *file)
{
    uint8_t head[MARK_GZIP_BYTES];
    size_t got = 0;
    hg_gzip_stream stream;
    if (hg_gzip_stream_init(&stream, file->data, file->n, NULL) != HG_STATUS_OK)
        return false;
    bool ok = hg_gzip_stream_read(&stream, head, sizeof head, &got, NULL) == HG_STATUS_OK;
    hg_gzip_stream_deinit(&stream);
    return ok && mark_in(head, got);
}

bool hg_synthetic_mark_find(const hg_image_file *file)
{
    for (size_t i = 0; i < file->n_members; i++) {
        const hg_image_file *member = &file->members[i];
        if (mark_in(member->data, member->n < MARK_MEMBER_BYTES ? member->n : MARK_MEMBER_BYTES))
            return true;
    }
    size_t n = file->n < MARK_SEARCH_BYTES ? file->n : MARK_SEARCH_BYTES;
    if (n == 0)
        return false;
    if (n >= 2 && file->data[0] == 0x1f && file->data[1] == 0x8b)
        return mark_in_gzip(file);
    return mark_in(file->data, n) || mark_in(file->data + file->n - n, n);
}
