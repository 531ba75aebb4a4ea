/* SPDX-License-Identifier: Apache-2.0
 *
 * npy.c: NumPy's array file, version 1.0: six bytes of magic, the version, the length of a header, the header
 * (a Python dictionary as text, padded with spaces so that the data begin at a multiple of 64), the data. The
 * whole file is made in memory and written through hg_file_write.
 */
#include <healthgpt/image.h>

#include "base/buffer.h"
#include "base/checked.h"
#include "base/file.h"

#include <string.h>

#define NPY_ALIGNMENT 64
#define NPY_PREFIX_BYTES 10
#define NPY_HEADER_MAX 512

static hg_status npy_count_bytes(size_t *bytes, hg_npy_type type, int rank, const int64_t *shape,
                                 hg_error *err)
{
    if (rank < 0 || rank > HG_NPY_MAX_RANK)
        return hg_error_set(err, HG_STATUS_USAGE, "an array of %d dimensions; 0..%d are possible", rank,
                            HG_NPY_MAX_RANK);
    *bytes = type == HG_NPY_TYPE_F32 ? sizeof(float) : 1;
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 0 || !hg_checked_mul(*bytes, (size_t)shape[i], bytes))
            return hg_error_set(err, HG_STATUS_USAGE, "dimension %d of an array is %lld", i,
                                (long long)shape[i]);
    }
    return HG_STATUS_OK;
}

static bool npy_push_header(hg_buffer *out, hg_npy_type type, int rank, const int64_t *shape)
{
    static const uint8_t magic[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    const char *name = type == HG_NPY_TYPE_F32 ? "<f4" : "|u1";
    hg_buffer text;
    hg_buffer_init(&text, NPY_HEADER_MAX);
    bool ok = hg_buffer_push_format(&text, "{'descr': '%s', 'fortran_order': False, 'shape': (", name);
    for (int i = 0; ok && i < rank; i++)
        ok = hg_buffer_push_format(&text, i == 0 ? "%lld" : ", %lld", (long long)shape[i]);
    if (rank == 1)
        ok = ok && hg_buffer_push_text(&text, ","); /* as Python writes a tuple of one */
    ok = ok && hg_buffer_push_text(&text, "), }");
    while (ok && (NPY_PREFIX_BYTES + text.size + 1) % NPY_ALIGNMENT != 0)
        ok = hg_buffer_push_text(&text, " ");
    ok = ok && hg_buffer_push_text(&text, "\n");
    uint8_t length[2] = {(uint8_t)(text.size & 0xff), (uint8_t)(text.size >> 8)};
    ok = ok && hg_buffer_push(out, magic, sizeof magic) && hg_buffer_push(out, length, sizeof length) &&
         hg_buffer_push(out, text.data, text.size);
    hg_buffer_deinit(&text);
    return ok;
}

/* The samples in little-endian order, whatever this machine's is. */
static bool npy_push_data(hg_buffer *out, hg_npy_type type, const void *data, size_t bytes)
{
    if (type == HG_NPY_TYPE_U8)
        return hg_buffer_push(out, data, bytes);
    uint8_t *to = hg_buffer_extend(out, bytes);
    if (to == NULL)
        return false;
    const float *values = data;
    for (size_t i = 0; i < bytes / sizeof(float); i++) {
        uint32_t word;
        memcpy(&word, &values[i], sizeof word);
        for (int b = 0; b < 4; b++)
            *to++ = (uint8_t)(word >> (8 * b));
    }
    return true;
}

hg_status hg_npy_write(const char *path, hg_npy_type type, const void *data, int rank, const int64_t *shape,
                       hg_error *err)
{
    size_t bytes = 0;
    hg_status status = npy_count_bytes(&bytes, type, rank, shape, err);
    if (status != HG_STATUS_OK)
        return hg_error_prefix(err, status, "%s", path);
    size_t max_bytes;
    if (!hg_checked_add(bytes, NPY_PREFIX_BYTES + NPY_HEADER_MAX, &max_bytes))
        return hg_error_memory(err, bytes, "an array file");
    hg_buffer file;
    hg_buffer_init(&file, max_bytes);
    if (!npy_push_header(&file, type, rank, shape) || (bytes > 0 && !npy_push_data(&file, type, data, bytes)))
        status = hg_error_memory(err, bytes, "an array file");
    else
        status = hg_file_write(path, file.data, file.size, err);
    hg_buffer_deinit(&file);
    return status;
}
