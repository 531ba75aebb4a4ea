/* SPDX-License-Identifier: Apache-2.0
 *
 * onednn_map.c: one primitive for each band (bands differ in their padding), all with the same layout of
 * weights, for the C API of versions 2 and 3.
 */
#include "kernels/onednn_map.h"

#include "base/memory.h"

#include <dnnl.h>
#include <omp.h>

/* Bands of a map: enough to share between eight threads. */
#define MAX_BANDS 8
#define MIN_BAND_ROWS 4

struct hg_map_conv {
    hg_conv_shape shape;
    hg_dtype type;
    bool add;
    int64_t n_bands, band_rows;
    dnnl_engine_t engine;
    dnnl_primitive_t primitive[MAX_BANDS];
    dnnl_primitive_desc_t desc[MAX_BANDS];
    void *weights; /* in the primitives' layout */
    hg_real *bias;
    size_t scratch_bytes;
};

/* The part of a map that a band reads and makes. */
typedef struct map_band {
    int64_t in_first, in_rows, top, bottom; /* rows; rows of zeros above and below */
    int64_t out_first, out_rows;
} map_band;

static map_band band_of(const hg_map_conv *c, int64_t index)
{
    const hg_conv_shape *s = &c->shape;
    map_band b = {.out_first = index * c->band_rows};
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

static bool map_make_desc(hg_map_conv *c, int64_t index, const map_desc d[MAP_ARRAYS], map_desc_ref weights,
                          const_dnnl_primitive_attr_t attr)
{
    const hg_conv_shape *s = &c->shape;
    map_band b = band_of(c, index);
    const dnnl_dims_t strides = {s->stride, s->stride}, begin = {b.top, s->pad};
    const dnnl_dims_t end = {b.bottom, (s->w_out - 1) * s->stride + s->kernel - s->w_in - s->pad};
#if DNNL_VERSION_MAJOR >= 3
    const dnnl_dims_t dilates = {0, 0};
    return dnnl_convolution_forward_primitive_desc_create(
               &c->desc[index], c->engine, dnnl_forward_inference, dnnl_convolution_direct, d[MAP_X], weights,
               d[MAP_BIAS], d[MAP_Y], strides, dilates, begin, end, attr) == dnnl_success;
#else
    dnnl_convolution_desc_t conv;
    return dnnl_convolution_forward_desc_init(&conv, dnnl_forward_inference, dnnl_convolution_direct,
                                              &d[MAP_X], weights, &d[MAP_BIAS], &d[MAP_Y], strides, begin,
                                              end) == dnnl_success &&
           dnnl_primitive_desc_create(&c->desc[index], &conv, attr, c->engine, NULL) == dnnl_success;
#endif
}

static map_desc_ref map_weights_desc(const hg_map_conv *c)
{
    return dnnl_primitive_desc_query_md(c->desc[0], dnnl_query_weights_md, 0);
}

/* The first band chooses the layout of the weights, the others follow. */
static bool map_make_band(hg_map_conv *c, int64_t index, const_dnnl_primitive_attr_t attr)
{
    const hg_conv_shape *s = &c->shape;
    map_band b = band_of(c, index);
    map_desc d[MAP_ARRAYS] = {0};
    bool ok =
        map_desc_init(&d[MAP_X], 4, (dnnl_dims_t){1, s->c_in, b.in_rows, s->w_in}, map_type(c->type),
                      dnnl_nhwc) &&
        map_desc_init(&d[MAP_W], 4, (dnnl_dims_t){s->c_out, s->c_in, s->kernel, s->kernel}, map_type(c->type),
                      dnnl_format_tag_any) &&
        map_desc_init(&d[MAP_BIAS], 1, (dnnl_dims_t){s->c_out}, dnnl_f32, dnnl_x) &&
        map_desc_init(&d[MAP_Y], 4, (dnnl_dims_t){1, s->c_out, b.out_rows, s->w_out}, dnnl_f32, dnnl_nhwc);
    ok = ok && map_make_desc(c, index, d, index == 0 ? MAP_DESC(d[MAP_W]) : map_weights_desc(c), attr) &&
         dnnl_primitive_create(&c->primitive[index], c->desc[index]) == dnnl_success;
    if (ok) {
        size_t bytes = dnnl_memory_desc_get_size(
            dnnl_primitive_desc_query_md(c->desc[index], dnnl_query_scratchpad_md, 0));
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
    int64_t rows = (s->h_out + MAX_BANDS - 1) / MAX_BANDS;
    rows = rows < MIN_BAND_ROWS ? MIN_BAND_ROWS : rows;
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
    for (int i = 0; i < MAX_BANDS; i++) {
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
    const hg_conv_shape *s = &conv->shape;
    map_band b = band_of(conv, band);
    size_t row = (size_t)(s->w_in * s->c_in) * hg_dtype_bytes(conv->type);
    void *const data[MAP_ARGS] = {(uint8_t *)(uintptr_t)x + (size_t)b.in_first * row, conv->weights,
                                  conv->bias, y + b.out_first * s->w_out * s->c_out, scratch};
    dnnl_exec_arg_t args[MAP_ARGS] = {{0, NULL}};
    dnnl_stream_t stream = NULL;
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    bool ok = dnnl_stream_create(&stream, conv->engine, dnnl_stream_default_flags) == dnnl_success;
    for (int i = 0; ok && i < MAP_ARGS; i++) {
        args[i].arg = arg[i];
        ok =
            dnnl_memory_create(&args[i].memory,
                               dnnl_primitive_desc_query_md(conv->desc[band], dnnl_query_exec_arg_md, arg[i]),
                               conv->engine, data[i]) == dnnl_success;
    }
    ok = ok && dnnl_primitive_execute(conv->primitive[band], stream, MAP_ARGS, args) == dnnl_success &&
         dnnl_stream_wait(stream) == dnnl_success;
    for (int i = 0; i < MAP_ARGS; i++)
        dnnl_memory_destroy(args[i].memory);
    dnnl_stream_destroy(stream);
    omp_set_num_threads(threads);
    return ok;
}
