/* SPDX-License-Identifier: Apache-2.0
 *
 * dense_product.c: see dense_product.h.
 */
#include "dense_product.h"

#include "base/timing.h"

#include <stdlib.h>
#include <string.h>

static dnnl_memory_t dense_memory(const dense_product *d, const dnnl_memory_desc_t *desc)
{
    dnnl_memory_t m = NULL;
    void *data = NULL;
    if (dnnl_memory_create(&m, desc, d->engine, DNNL_MEMORY_ALLOCATE) != dnnl_success ||
        dnnl_memory_get_data_handle(m, &data) != dnnl_success)
        exit(1);
    memset(data, 0, dnnl_memory_desc_get_size(desc));
    return m;
}

bool dense_product_open(dense_product *d, dnnl_data_type_t type, int64_t t, int64_t k, int64_t n)
{
    dnnl_memory_desc_t x, w, y;
    const dnnl_dims_t xd = {t, k}, wd = {k, n}, yd = {t, n};
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd;
    *d = (dense_product){0};
    if (dnnl_engine_create(&d->engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&d->stream, d->engine, dnnl_stream_default_flags) != dnnl_success)
        exit(1);
    dnnl_memory_desc_init_by_tag(&x, 2, xd, type, dnnl_ab);
    dnnl_memory_desc_init_by_tag(&w, 2, wd, type, dnnl_format_tag_any);
    dnnl_memory_desc_init_by_tag(&y, 2, yd, dnnl_f32, dnnl_ab);
    if (dnnl_matmul_desc_init(&desc, &x, &w, NULL, &y) != dnnl_success ||
        dnnl_primitive_desc_create(&pd, &desc, NULL, d->engine, NULL) != dnnl_success)
        return false;
    if (dnnl_primitive_create(&d->primitive, pd) != dnnl_success)
        exit(1);
    d->x = dense_memory(d, &x);
    d->w = dense_memory(d, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0));
    d->y = dense_memory(d, &y);
    dnnl_primitive_desc_destroy(pd);
    return true;
}

double dense_product_seconds(dense_product *d)
{
    if (d->primitive == NULL)
        return 0;
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, d->x}, {DNNL_ARG_WEIGHTS, d->w}, {DNNL_ARG_DST, d->y}};
    double begin = hg_timing_now();
    dnnl_primitive_execute(d->primitive, d->stream, 3, args);
    dnnl_stream_wait(d->stream);
    return hg_timing_now() - begin;
}

void dense_product_close(dense_product *d)
{
    if (d->primitive != NULL) {
        dnnl_memory_destroy(d->x);
        dnnl_memory_destroy(d->w);
        dnnl_memory_destroy(d->y);
        dnnl_primitive_destroy(d->primitive);
    }
    dnnl_stream_destroy(d->stream);
    dnnl_engine_destroy(d->engine);
}
