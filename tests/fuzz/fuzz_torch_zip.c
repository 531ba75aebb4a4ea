/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_torch_zip.c: any bytes as a PyTorch file, and as the pickle of an otherwise good one: in a real
 * archive nearly every change of the pickle only breaks its checksum. Every element of what is accepted is
 * read.
 */
#include "base/buffer.h"
#include "formats/torch_zip.h"

#include <string.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_touch(const hg_named_tensor *t)
{
    volatile uint8_t sum = 0;
    if (t->unsupported != NULL)
        return;
    const uint8_t *bytes = t->tensor.data;
    for (size_t i = 0; i < (size_t)hg_tensor_count(&t->tensor) * hg_dtype_bytes(t->tensor.dtype); i++)
        sum = (uint8_t)(sum + bytes[i]);
}

static void fuzz_read(const uint8_t *data, size_t size)
{
    hg_error err;
    hg_tensor_list list;
    hg_tensor_list_init(&list, size);
    if (hg_torch_zip_read(&list, data, size, &err) == HG_STATUS_OK) {
        for (size_t i = 0; i < list.n_items; i++)
            fuzz_touch(&list.items[i]);
    }
    hg_tensor_list_deinit(&list);
}

static void put(hg_buffer *out, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        uint8_t byte = (uint8_t)(number >> (8 * i));
        if (!hg_buffer_push(out, &byte, 1))
            return;
    }
}

/* The part that local header and directory record share, from the flags to the extra field's length. */
static void put_common(hg_buffer *out, const char *name, const uint8_t *content, size_t size)
{
    put(out, 0, 2);
    put(out, 0, 2);
    put(out, 0, 4);
    put(out, crc32(crc32(0, NULL, 0), content, (uInt)size), 4);
    put(out, size, 4);
    put(out, size, 4);
    put(out, strlen(name), 2);
    put(out, 0, 2);
}

static void put_entry(hg_buffer *zip, hg_buffer *directory, const char *name, const uint8_t *content,
                      size_t size)
{
    size_t position = zip->size;
    put(zip, 0x04034b50, 4);
    put(zip, 0, 2);
    put_common(zip, name, content, size);
    bool ok = hg_buffer_push_text(zip, name) && hg_buffer_push(zip, content, size);
    put(directory, 0x02014b50, 4);
    put(directory, 0, 4);
    put_common(directory, name, content, size);
    put(directory, 0, 8);
    put(directory, 0, 2);
    put(directory, position, 4);
    ok = ok && hg_buffer_push_text(directory, name);
    (void)ok; /* a shortened archive is as good an input */
}

static void fuzz_pickle(const uint8_t *data, size_t size)
{
    static const uint8_t storage[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    hg_buffer zip, directory;
    hg_buffer_init(&zip, (size_t)1 << 22);
    hg_buffer_init(&directory, 4096);
    put_entry(&zip, &directory, "r/data.pkl", data, size);
    put_entry(&zip, &directory, "r/data/0", storage, sizeof storage);
    size_t position = zip.size;
    if (hg_buffer_push(&zip, directory.data, directory.size)) {
        put(&zip, 0x06054b50, 4);
        put(&zip, 0, 4);
        put(&zip, 2, 2);
        put(&zip, 2, 2);
        put(&zip, directory.size, 4);
        put(&zip, position, 4);
        put(&zip, 0, 2);
        fuzz_read(zip.data, zip.size);
    }
    hg_buffer_deinit(&zip);
    hg_buffer_deinit(&directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_read(data, size);
    fuzz_pickle(data, size);
    return 0;
}
