/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_pickle_writer.c: data.pkl as torch.save writes it for a dict of contiguous tensors: protocol 2,
 * shared objects through the memo, dictionary items in batches of 1000. The memo is numbered as Python's
 * pickler does, so the bytes are those of Python.
 */
#include "formats/tensor_sink.h"

#include <stdio.h>
#include <string.h>

#define BATCH_ITEMS 1000

/* Memo numbers of the objects that are written once and then referred to; -1: not yet written. */
typedef struct pickle_out {
    hg_buffer *out;
    uint32_t n_memo;
    bool ok;
    int64_t rebuild, ordered_dict, storage_word, location;
    int64_t types[HG_DTYPE_COUNT];
} pickle_out;

static void put_byte(pickle_out *p, uint8_t byte)
{
    p->ok = p->ok && hg_buffer_push(p->out, &byte, 1);
}

static void put_number(pickle_out *p, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        put_byte(p, (uint8_t)(number >> (8 * i)));
}

static void put_text(pickle_out *p, const char *text)
{
    p->ok = p->ok && hg_buffer_push_text(p->out, text);
}

/* Gives the object on top the next memo number. */
static int64_t put_memo(pickle_out *p)
{
    bool is_short = p->n_memo < 256;
    put_byte(p, is_short ? 'q' : 'r');
    put_number(p, p->n_memo, is_short ? 1 : 4);
    return p->n_memo++;
}

/* Refers to a memo number, when there is one. */
static bool put_known(pickle_out *p, int64_t memo)
{
    if (memo < 0)
        return false;
    put_byte(p, memo < 256 ? 'h' : 'j');
    put_number(p, (uint64_t)memo, memo < 256 ? 1 : 4);
    return true;
}

static int64_t put_string(pickle_out *p, const char *text)
{
    put_byte(p, 'X');
    put_number(p, strlen(text), 4);
    put_text(p, text);
    return put_memo(p);
}

static void put_shared_string(pickle_out *p, const char *text, int64_t *memo)
{
    if (!put_known(p, *memo))
        *memo = put_string(p, text);
}

static void put_global(pickle_out *p, const char *lines, int64_t *memo)
{
    if (put_known(p, *memo))
        return;
    put_text(p, lines);
    *memo = put_memo(p);
}

static void put_int(pickle_out *p, uint64_t number)
{
    if (number <= 0xff) {
        put_byte(p, 'K');
        put_number(p, number, 1);
    } else if (number <= 0xffff) {
        put_byte(p, 'M');
        put_number(p, number, 2);
    } else if (number <= 0x7fffffff) {
        put_byte(p, 'J');
        put_number(p, number, 4);
    } else {
        /* LONG1: as few bytes as keep the sign bit clear. */
        int bytes = 5;
        while (bytes < 8 && number >> (8 * bytes - 1) != 0)
            bytes++;
        put_byte(p, 0x8a);
        put_byte(p, (uint8_t)bytes);
        put_number(p, number, bytes);
    }
}

/* A tuple of 1 to 4 numbers. */
static void put_dims(pickle_out *p, const int64_t *dims, int n)
{
    if (n > 3)
        put_byte(p, '(');
    for (int i = 0; i < n; i++)
        put_int(p, (uint64_t)dims[i]);
    put_byte(p, n > 3 ? 't' : (uint8_t)(0x84 + n));
    put_memo(p);
}

/* The persistent id of storage `index`. */
static void put_storage(pickle_out *p, const hg_tensor_spec *spec, size_t index, uint64_t count)
{
    static const char *const globals[HG_DTYPE_COUNT] = {[HG_DTYPE_F32] = "ctorch\nFloatStorage\n",
                                                        [HG_DTYPE_F64] = "ctorch\nDoubleStorage\n",
                                                        [HG_DTYPE_F16] = "ctorch\nHalfStorage\n",
                                                        [HG_DTYPE_BF16] = "ctorch\nBFloat16Storage\n"};
    char key[24];
    snprintf(key, sizeof key, "%zu", index);
    put_byte(p, '(');
    put_shared_string(p, "storage", &p->storage_word);
    put_global(p, globals[spec->dtype], &p->types[spec->dtype]);
    put_string(p, key);
    put_shared_string(p, "cpu", &p->location);
    put_int(p, count);
    put_byte(p, 't');
    put_memo(p);
    put_byte(p, 'Q');
}

/* _rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict()) */
static void put_tensor(pickle_out *p, const hg_sink_item *item, size_t index)
{
    hg_tensor t = hg_tensor_make(item->spec.dtype, item->spec.n_dims, item->spec.shape, NULL);
    put_global(p, "ctorch._utils\n_rebuild_tensor_v2\n", &p->rebuild);
    put_byte(p, '(');
    put_storage(p, &item->spec, index, item->bytes / hg_dtype_bytes(item->spec.dtype));
    put_int(p, 0);
    put_dims(p, t.shape, t.n_dims);
    put_dims(p, t.stride, t.n_dims);
    put_byte(p, 0x89);
    put_global(p, "ccollections\nOrderedDict\n", &p->ordered_dict);
    put_byte(p, ')');
    put_byte(p, 'R');
    put_memo(p);
    put_byte(p, 't');
    put_memo(p);
    put_byte(p, 'R');
    put_memo(p);
}

bool hg_torch_pickle_write(hg_buffer *out, const hg_sink_item *items, size_t n_items)
{
    pickle_out p = {
        .out = out, .ok = true, .rebuild = -1, .ordered_dict = -1, .storage_word = -1, .location = -1};
    for (int i = 0; i < HG_DTYPE_COUNT; i++)
        p.types[i] = -1;
    put_byte(&p, 0x80);
    put_byte(&p, 2);
    put_byte(&p, '}');
    put_memo(&p);
    for (size_t i = 0; p.ok && i < n_items; i++) {
        bool first = i % BATCH_ITEMS == 0, last = i + 1 == n_items || (i + 1) % BATCH_ITEMS == 0;
        if (first && !last)
            put_byte(&p, '(');
        put_string(&p, items[i].name);
        put_tensor(&p, &items[i], i);
        if (last)
            put_byte(&p, first ? 's' : 'u');
    }
    put_byte(&p, '.');
    return p.ok;
}
