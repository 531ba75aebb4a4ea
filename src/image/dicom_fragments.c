/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_fragments.c: frames of encapsulated pixel data (PS3.5 A.4). The table's offsets count from the first
 * byte after the table's own fragment, item heads (8 bytes each) included.
 */
#include "image/dicom_fragments.h"

#include "base/error.h"

#define FRAGMENT_HEAD_BYTES 8

static uint32_t fragments_word(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Number of the fragment that begins at `offset`; 0 (the table itself) when none does. */
static size_t fragments_at(const hg_dicom *dicom, size_t n_fragments, uint64_t offset)
{
    uint64_t at = 0;
    for (size_t i = 1; i < n_fragments && at <= offset; i++) {
        const uint8_t *data;
        size_t n;
        if (at == offset)
            return i;
        if (!hg_dicom_view_fragment(dicom, i, &data, &n))
            return 0;
        at += FRAGMENT_HEAD_BYTES + n;
    }
    return 0;
}

/* First and past-the-last fragment of a frame by the offset table; false when it has no use. */
static bool fragments_by_table(const hg_dicom *dicom, size_t n_fragments, size_t index, size_t n_frames,
                               size_t *first, size_t *end)
{
    const uint8_t *table;
    size_t n;
    if (!hg_dicom_view_fragment(dicom, 0, &table, &n) || n / 4 < n_frames)
        return false;
    *first = fragments_at(dicom, n_fragments, fragments_word(table + 4 * index));
    *end = index + 1 == n_frames ? n_fragments
                                 : fragments_at(dicom, n_fragments, fragments_word(table + 4 * index + 4));
    return *first > 0 && *end > *first;
}

hg_status hg_dicom_fragments_read(hg_buffer *out, const hg_dicom *dicom, size_t index, size_t n_frames,
                                  hg_error *err)
{
    size_t n_fragments = hg_dicom_n_fragments(dicom), first = 1, end = n_fragments;
    if (n_frames > 1 && n_fragments == n_frames + 1) {
        first = index + 1;
        end = first + 1;
    } else if (n_frames > 1 && !fragments_by_table(dicom, n_fragments, index, n_frames, &first, &end))
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%zu frames in %zu fragments without a table that tells them apart", n_frames,
                            n_fragments == 0 ? 0 : n_fragments - 1);
    for (size_t i = first; i < end; i++) {
        const uint8_t *data;
        size_t n;
        if (!hg_dicom_view_fragment(dicom, i, &data, &n))
            return hg_error_set(err, HG_STATUS_INPUT, "fragment %zu of the pixel data is missing", i);
        if (n > 0 && !hg_buffer_push(out, data, n))
            return hg_error_memory(err, n, "pixel data");
    }
    if (out->size == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "frame %zu has no pixel data", index);
    return HG_STATUS_OK;
}
