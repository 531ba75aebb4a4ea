/* SPDX-License-Identifier: Apache-2.0
 *
 * onednn_map.c: one primitive for bands of the same size and padding: the first, the last, and all between;
 * all with the same layout of weights, for the C API of versions 2 and 3.
 */
#include "kernels/onednn_map.h"

#include "base/memory.h"

#include <dnnl.h>
#include <omp.h>

/* Output rows of a band: few, so that what it reads and makes stays in a second-level cache (8 rows of 256
 * pixels with 128 channels are 1 MiB) and many threads have some; but a row more is read on both sides. */
#define BAND_ROWS 8
#define BAND_ROWS_SMALL 4
#define BAND_SMALL_MAP 64
#define MAX_KINDS 4

struct hg_map_conv {
    hg_conv_shape shape;
    hg_dtype type;
    bool add;
    int64_t n_bands, band_rows;
    dnnl_engine_t engine;
    int n_kinds;
    hg_map_band kind[MAX_KINDS]; /* the first band of each */
    dnnl_primitive_t primitive[MAX_KINDS];
    dnnl_primitive_desc_t desc[MAX_KINDS];
    int kind_of[HG_MAP_BANDS];
    void *weights; /* in the primitives' layout */
    hg_real *bias;
    size_t scratch_bytes;
};

hg_map_band hg_map_conv_get_band(const hg_map_conv *c, int64_t index)
{
    const hg_conv_shape *s = &c->shape;
    hg_map_band b = {.out_first = index * c->band_rows};
    int64_t left = s->h_out - b.out_first;
    b.out_rows = left < c->band_rows ? left : c->band_rows;
    int64_t begin = b.out_first * s->stride - s->pad;
    int64_t end = (b.out_first + b.out_rows - 1) * s->stride - s->pad + s->kernel;
    b.top = begin < 0 ? -begin : 0;
    b.bottom = end > s->h_in ? end - s->h_in : 0;
    b.in_first = begin + b.top;
    b.in_rows = end - b.bottom - b.in_first;
    return b;
}

static dnnl_data_type_t map_type(hg_dtype type)
{
    return type == HG_DTYPE_BF16 ? dnnl_bf16 : dnnl_f32;
}

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t map_desc;
typedef const_dnnl_memory_desc_t map_desc_ref;

static bool map_desc_init(map_desc *d, int n_dims, const dnnl_dims_t dims, dnnl_data_type_t type,
                          dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_create_with_tag(d, n_dims, dims, type, tag) == dnnl_success;
}

static void map_desc_deinit(map_desc *d)
{
    dnnl_memory_desc_destroy(*d);
}

#define MAP_DESC(d) (d)
#else
typedef dnnl_memory_desc_t map_desc;
typedef const dnnl_memory_desc_t *map_desc_ref;

static bool map_desc_init(map_desc *d, int n_dims, const dnnl_dims_t dims, dnnl_data_type_t type,
                          dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_init_by_tag(d, n_dims, dims, type, tag) == dnnl_success;
}

static void map_desc_deinit(map_desc *d)
{
    (void)d;
}

#define MAP_DESC(d) (&(d))
#endif

/* Scratch memory is the caller's, because several threads run the same primitive. */
static bool map_attr_init(dnnl_primitive_attr_t *attr, bool add)
{
    dnnl_post_ops_t ops = NULL;
    bool ok = dnnl_primitive_attr_create(attr) == dnnl_success &&
              dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user) == dnnl_success &&
              dnnl_post_ops_create(&ops) == dnnl_success;
#if DNNL_VERSION_MAJOR >= 3
    ok = ok && (!add || dnnl_post_ops_append_sum(ops, 1, 0, dnnl_f32) == dnnl_success);
#else
    ok = ok && (!add || dnnl_post_ops_append_sum(ops, 1) == dnnl_success);
#endif
    ok = ok && dnnl_primitive_attr_set_post_ops(*attr, ops) == dnnl_success;
    dnnl_post_ops_destroy(ops);
    return ok;
}

enum { MAP_X, MAP_W, MAP_BIAS, MAP_Y, MAP_ARRAYS };

static bool map_make_desc(hg_map_conv *c, int kind, const map_desc d[MAP_ARRAYS], map_desc_ref weights,
                          const_dnnl_primitive_attr_t attr)
{
    const hg_conv_shape *s = &c->shape;
    hg_map_band b = c->kind[kind];
    const dnnl_dims_t strides = {s->stride, s->stride}, begin = {b.top, s->pad};
    const dnnl_dims_t end = {b.bottom, (s->w_out - 1) * s->stride + s->kernel - s->w_in - s->pad};
#if DNNL_VERSION_MAJOR >= 3
    const dnnl_dims_t dilates = {0, 0};
    return dnnl_convolution_forward_primitive_desc_create(
               &c->desc[kind], c->engine, dnnl_forward_inference, dnnl_convolution_direct, d[MAP_X], weights,
               d[MAP_BIAS], d[MAP_Y], strides, dilates, begin, end, attr) == dnnl_success;
#else
    dnnl_convolution_desc_t conv;
    return dnnl_convolution_forward_desc_init(&conv, dnnl_forward_inference, dnnl_convolution_direct,
                                              &d[MAP_X], weights, &d[MAP_BIAS], &d[MAP_Y], strides, begin,
                                              end) == dnnl_success &&
           dnnl_primitive_desc_create(&c->desc[kind], &conv, attr, c->engine, NULL) == dnnl_success;
#endif
}

static map_desc_ref map_weights_desc(const hg_map_conv *c)
{
    return dnnl_primitive_desc_query_md(c->desc[0], dnnl_query_weights_md, 0);
}

/* The first kind chooses the layout of the weights, the others follow. */
static bool map_make_kind(hg_map_conv *c, int kind, const_dnnl_primitive_attr_t attr)
{
    const hg_conv_shape *s = &c->shape;
    hg_map_band b = c->kind[kind];
    map_desc d[MAP_ARRAYS] = {0};
    bool ok =
        map_desc_init(&d[MAP_X], 4, (dnnl_dims_t){1, s->c_in, b.in_rows, s->w_in}, map_type(c->type),
                      dnnl_nhwc) &&
        map_desc_init(&d[MAP_W], 4, (dnnl_dims_t){s->c_out, s->c_in, s->kernel, s->kernel}, map_type(c->type),
                      dnnl_format_tag_any) &&
        map_desc_init(&d[MAP_BIAS], 1, (dnnl_dims_t){s->c_out}, dnnl_f32, dnnl_x) &&
        map_desc_init(&d[MAP_Y], 4, (dnnl_dims_t){1, s->c_out, b.out_rows, s->w_out}, dnnl_f32, dnnl_nhwc);
    ok = ok && map_make_desc(c, kind, d, kind == 0 ? MAP_DESC(d[MAP_W]) : map_weights_desc(c), attr) &&
         dnnl_primitive_create(&c->primitive[kind], c->desc[kind]) == dnnl_success;
    if (ok) {
        size_t bytes = dnnl_memory_desc_get_size(
            dnnl_primitive_desc_query_md(c->desc[kind], dnnl_query_scratchpad_md, 0));
        bytes = (bytes + 63) / 64 * 64;
        c->scratch_bytes = bytes > c->scratch_bytes ? bytes : c->scratch_bytes;
    }
    for (int i = 0; i < MAP_ARRAYS; i++)
        map_desc_deinit(&d[i]);
    return ok;
}

/* Weights from (o, i, h, w) in f32 to the chosen layout and type. */
static bool map_pack(hg_map_conv *c, const hg_real *w)
{
    const hg_conv_shape *s = &c->shape;
    map_desc plain = {0};
    dnnl_memory_t from = NULL, to = NULL;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_stream_t stream = NULL;
    c->weights = hg_mem_aligned(64, dnnl_memory_desc_get_size(map_weights_desc(c)));
    bool ok = c->weights != NULL &&
              map_desc_init(&plain, 4, (dnnl_dims_t){s->c_out, s->c_in, s->kernel, s->kernel}, dnnl_f32,
                            dnnl_oihw) &&
              dnnl_memory_create(&from, MAP_DESC(plain), c->engine, (void *)w) == dnnl_success &&
              dnnl_memory_create(&to, map_weights_desc(c), c->engine, c->weights) == dnnl_success &&
              dnnl_reorder_primitive_desc_create(&desc, MAP_DESC(plain), c->engine, map_weights_desc(c),
                                                 c->engine, NULL) == dnnl_success &&
              dnnl_primitive_create(&reorder, desc) == dnnl_success &&
              dnnl_stream_create(&stream, c->engine, dnnl_stream_default_flags) == dnnl_success;
    dnnl_exec_arg_t args[2] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    ok = ok && dnnl_primitive_execute(reorder, stream, 2, args) == dnnl_success &&
         dnnl_stream_wait(stream) == dnnl_success;
    dnnl_stream_destroy(stream);
    dnnl_primitive_destroy(reorder);
    dnnl_primitive_desc_destroy(desc);
    dnnl_memory_destroy(to);
    dnnl_memory_destroy(from);
    map_desc_deinit(&plain);
    return ok;
}

static bool map_same_kind(const hg_map_band *a, const hg_map_band *b)
{
    return a->in_rows == b->in_rows && a->top == b->top && a->bottom == b->bottom &&
           a->out_rows == b->out_rows;
}

/* The primitive of a band: one that is there, or a new one. */
static bool map_make_band(hg_map_conv *c, int64_t index, const_dnnl_primitive_attr_t attr)
{
    hg_map_band b = hg_map_conv_get_band(c, index);
    int kind = 0;
    while (kind < c->n_kinds && !map_same_kind(&c->kind[kind], &b))
        kind++;
    c->kind_of[index] = kind;
    if (kind < c->n_kinds)
        return true;
    if (kind == MAX_KINDS)
        return false;
    c->kind[kind] = b;
    c->n_kinds++;
    return map_make_kind(c, kind, attr);
}

static bool map_make(hg_map_conv *c, const hg_real *w, const hg_real *bias)
{
    dnnl_primitive_attr_t attr = NULL;
    c->bias = hg_mem_array((size_t)c->shape.c_out, sizeof *c->bias);
    bool ok = c->bias != NULL && map_attr_init(&attr, c->add) &&
              dnnl_engine_create(&c->engine, dnnl_cpu, 0) == dnnl_success;
    for (int64_t i = 0; ok && i < c->n_bands; i++)
        ok = map_make_band(c, i, attr);
    if (ok)
        memcpy(c->bias, bias, (size_t)c->shape.c_out * sizeof *bias);
    dnnl_primitive_attr_destroy(attr);
    return ok && map_pack(c, w);
}

hg_map_conv *hg_map_conv_create(const hg_conv_shape *s, hg_dtype type, bool add, const hg_real *w,
                                const hg_real *bias)
{
    hg_map_conv *c = hg_mem_array(1, sizeof *c);
    if (c == NULL)
        return NULL;
    int64_t rows = s->h_out <= BAND_SMALL_MAP ? BAND_ROWS_SMALL : BAND_ROWS;
    int64_t least = (s->h_out + HG_MAP_BANDS - 1) / HG_MAP_BANDS;
    rows = rows < least ? least : rows;
    *c = (hg_map_conv){.shape = *s, .type = type, .add = add, .band_rows = rows};
    c->n_bands = (s->h_out + rows - 1) / rows;
    int threads = omp_get_max_threads();
    omp_set_num_threads(1); /* how the primitive works depends on the threads that it is made for */
    bool ok = map_make(c, w, bias);
    omp_set_num_threads(threads);
    if (ok)
        return c;
    hg_map_conv_destroy(c);
    return NULL;
}

void hg_map_conv_destroy(hg_map_conv *conv)
{
    if (conv == NULL)
        return;
    for (int i = 0; i < MAX_KINDS; i++) {
        dnnl_primitive_destroy(conv->primitive[i]);
        dnnl_primitive_desc_destroy(conv->desc[i]);
    }
    dnnl_engine_destroy(conv->engine);
    hg_mem_free(conv->weights);
    hg_mem_free(conv->bias);
    hg_mem_free(conv);
}

const hg_conv_shape *hg_map_conv_get_shape(const hg_map_conv *conv)
{
    return &conv->shape;
}

hg_dtype hg_map_conv_get_type(const hg_map_conv *conv)
{
    return conv->type;
}

int64_t hg_map_conv_n_bands(const hg_map_conv *conv)
{
    return conv->n_bands;
}

size_t hg_map_conv_scratch_bytes(const hg_map_conv *conv)
{
    return conv->scratch_bytes;
}

#define MAP_ARGS 5

bool hg_map_conv_run(const hg_map_conv *conv, int64_t band, const void *x, hg_real *y, void *scratch)
{
    static const int arg[MAP_ARGS] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS, DNNL_ARG_DST,
                                      DNNL_ARG_SCRATCHPAD};
    const int kind = conv->kind_of[band];
    void *const data[MAP_ARGS] = {(void *)(uintptr_t)x, conv->weights, conv->bias, y, scratch};
    dnnl_exec_arg_t args[MAP_ARGS] = {{0, NULL}};
    dnnl_stream_t stream = NULL;
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    bool ok = dnnl_stream_create(&stream, conv->engine, dnnl_stream_default_flags) == dnnl_success;
    for (int i = 0; ok && i < MAP_ARGS; i++) {
        args[i].arg = arg[i];
        ok =
            dnnl_memory_create(&args[i].memory,
                               dnnl_primitive_desc_query_md(conv->desc[kind], dnnl_query_exec_arg_md, arg[i]),
                               conv->engine, data[i]) == dnnl_success;
    }
    ok = ok && dnnl_primitive_execute(conv->primitive[kind], stream, MAP_ARGS, args) == dnnl_success &&
         dnnl_stream_wait(stream) == dnnl_success;
    for (int i = 0; i < MAP_ARGS; i++)
        dnnl_memory_destroy(args[i].memory);
    dnnl_stream_destroy(stream);
    omp_set_num_threads(threads);
    return ok;
}
