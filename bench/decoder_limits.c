/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder_limits.c: see decoder_limits.h.
 */
#include "decoder_limits.h"

#include "base/memory.h"
#include "base/timing.h"

#include <dnnl.h>
#include <string.h>

#define SHAPES 4

/* Inputs and outputs of qkv, o, gate and up, down. */
static const int64_t shapes[SHAPES][2] = {{3072, 9216}, {3072, 3072}, {3072, 16384}, {8192, 3072}};

typedef struct dense_product {
    dnnl_primitive_t primitive;
    dnnl_memory_t x, w, y;
} dense_product;

struct hg_bench_dense {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dense_product products[SHAPES];
};

static dnnl_memory_t dense_memory(const hg_bench_dense *d, const dnnl_memory_desc_t *desc)
{
    dnnl_memory_t m = NULL;
    void *data = NULL;
    if (dnnl_memory_create(&m, desc, d->engine, DNNL_MEMORY_ALLOCATE) == dnnl_success &&
        dnnl_memory_get_data_handle(m, &data) == dnnl_success)
        memset(data, 0, dnnl_memory_desc_get_size(desc));
    return m;
}

static int dense_product_open(const hg_bench_dense *d, dense_product *p, int64_t rows, const int64_t shape[2])
{
    dnnl_memory_desc_t x, w, y;
    const dnnl_dims_t xd = {rows, shape[0]}, wd = {shape[0], shape[1]}, yd = {rows, shape[1]};
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd;
    dnnl_memory_desc_init_by_tag(&x, 2, xd, dnnl_bf16, dnnl_ab);
    dnnl_memory_desc_init_by_tag(&w, 2, wd, dnnl_bf16, dnnl_format_tag_any);
    dnnl_memory_desc_init_by_tag(&y, 2, yd, dnnl_f32, dnnl_ab);
    if (dnnl_matmul_desc_init(&desc, &x, &w, NULL, &y) != dnnl_success ||
        dnnl_primitive_desc_create(&pd, &desc, NULL, d->engine, NULL) != dnnl_success)
        return 0;
    int ok = dnnl_primitive_create(&p->primitive, pd) == dnnl_success;
    p->x = dense_memory(d, &x);
    p->w = dense_memory(d, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0));
    p->y = dense_memory(d, &y);
    dnnl_primitive_desc_destroy(pd);
    return ok && p->x != NULL && p->w != NULL && p->y != NULL;
}

hg_bench_dense *hg_bench_dense_open(int64_t rows)
{
    hg_bench_dense *d = hg_mem_array(1, sizeof *d);
    if (d == NULL || dnnl_engine_create(&d->engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&d->stream, d->engine, dnnl_stream_default_flags) != dnnl_success)
        return NULL;
    for (int i = 0; i < SHAPES; i++) {
        if (!dense_product_open(d, &d->products[i], rows, shapes[i]))
            return NULL;
    }
    return d;
}

double hg_bench_dense_seconds(hg_bench_dense *d)
{
    double begin = hg_timing_now();
    for (int i = 0; i < SHAPES; i++) {
        const dense_product *p = &d->products[i];
        const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, p->x}, {DNNL_ARG_WEIGHTS, p->w}, {DNNL_ARG_DST, p->y}};
        dnnl_primitive_execute(p->primitive, d->stream, 3, args);
    }
    dnnl_stream_wait(d->stream);
    return hg_timing_now() - begin;
}

void hg_bench_dense_close(hg_bench_dense *d)
{
    for (int i = 0; i < SHAPES; i++) {
        dnnl_memory_destroy(d->products[i].x);
        dnnl_memory_destroy(d->products[i].w);
        dnnl_memory_destroy(d->products[i].y);
        dnnl_primitive_destroy(d->products[i].primitive);
    }
    dnnl_stream_destroy(d->stream);
    dnnl_engine_destroy(d->engine);
    hg_mem_free(d);
}
