/* SPDX-License-Identifier: Apache-2.0
 *
 * pickle.h: the part of Python's pickle protocol 2 that torch.save uses for state dictionaries, read into a
 * tree of values. It is a stack machine over a white list: it never imports, calls or builds anything of
 * Python. The only callables are torch._utils._rebuild_tensor_v2, torch._utils._rebuild_parameter and
 * collections.OrderedDict, the only other globals torch's storage types, those of a NumPy number, which
 * becomes None, and names that begin with pytorch_lightning., which are inert: they can be keys or values and
 * nothing else.
 */
#ifndef HG_FORMATS_PICKLE_H
#define HG_FORMATS_PICKLE_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_PICKLE_MAX_BYTES ((size_t)16 << 20) /* a longer pickle is refused */
#define HG_PICKLE_MAX_MEMORY ((size_t)1 << 30) /* for the arena of the values */
#define HG_PICKLE_MAX_DIMS 8

typedef enum hg_pickle_kind {
    HG_PICKLE_NONE,
    HG_PICKLE_BOOL,
    HG_PICKLE_INT,
    HG_PICKLE_FLOAT,
    HG_PICKLE_STRING,
    HG_PICKLE_TUPLE,
    HG_PICKLE_LIST,
    HG_PICKLE_DICT, /* plain or ordered */
    HG_PICKLE_GLOBAL,
    HG_PICKLE_STORAGE,
    HG_PICKLE_TENSOR
} hg_pickle_kind;

typedef enum hg_pickle_global {
    HG_PICKLE_REBUILD_TENSOR,
    HG_PICKLE_REBUILD_PARAMETER,
    HG_PICKLE_ORDERED_DICT,
    HG_PICKLE_STORAGE_TYPE,
    HG_PICKLE_NUMPY_SCALAR, /* a call of it gives None */
    HG_PICKLE_INERT
} hg_pickle_global;

typedef struct hg_pickle_value hg_pickle_value;

/* Tuples and lists have `value` only. */
typedef struct hg_pickle_item {
    const hg_pickle_value *key;
    const hg_pickle_value *value;
    struct hg_pickle_item *next;
} hg_pickle_item;

typedef struct hg_pickle_text {
    const char *data; /* borrowed from the pickle, not terminated, may hold any byte */
    size_t bytes;
} hg_pickle_text;

typedef struct hg_pickle_storage {
    hg_pickle_text type; /* "HalfStorage" */
    hg_pickle_text key;  /* "0": the entry data/0 of the archive */
    uint64_t count;      /* elements */
} hg_pickle_storage;

typedef struct hg_pickle_tensor {
    const hg_pickle_storage *storage;
    uint64_t offset; /* in elements */
    int n_dims;
    int64_t shape[HG_PICKLE_MAX_DIMS];
    int64_t stride[HG_PICKLE_MAX_DIMS]; /* in elements, not negative */
} hg_pickle_tensor;

typedef struct hg_pickle_list {
    hg_pickle_item *first, *last;
    size_t n_items;
} hg_pickle_list;

struct hg_pickle_value {
    hg_pickle_kind kind;
    hg_pickle_global global; /* of HG_PICKLE_GLOBAL */
    union {
        bool boolean;
        int64_t integer;
        double real;
        hg_pickle_text text; /* of a string; of a global its name without the module */
        hg_pickle_list list; /* of tuple, list and dict */
        const hg_pickle_storage *storage;
        const hg_pickle_tensor *tensor;
    } as;
};

/* Reads one pickle that fills all of `data`. The tree may share values and, if hostile, contain itself:
 * whoever walks it must limit depth and visits. Values live in the arena, texts in `data`. HG_STATUS_INPUT
 * names the position and what is not allowed: "pickle: byte 3: global 'posix.system' is not allowed". */
hg_status hg_pickle_read(const hg_pickle_value **out, hg_arena *arena, const uint8_t *data, size_t size,
                         hg_error *err) HG_MUST_CHECK;

/* The value of a dict's string key; NULL when there is none. The last one wins, as in Python. */
const hg_pickle_value *hg_pickle_dict_find(const hg_pickle_value *dict, const char *key);

#endif
