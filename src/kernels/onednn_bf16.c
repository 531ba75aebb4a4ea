/* SPDX-License-Identifier: Apache-2.0
 *
 * onednn_bf16.c: products of bf16 by oneDNN's matmul primitive, for the C API of versions 2 and 3.
 *
 * Arrays are used where they lie: oneDNN's own gemm copies panels of plain weights as it goes, for a few
 * percent of the time, so nothing is repacked and kept. Making a primitive again costs about a microsecond
 * (oneDNN remembers the code); it is made and run on the calling thread alone. Invariant: every object that
 * was made is destroyed; a null object is destroyed without effect.
 */
#include "kernels/onednn_bf16.h"
#include "kernels/reference/reference.h"

#include <dnnl.h>
#include <omp.h>

/* The alpha of quick GELU, x · sigmoid(alpha x). */
#define QUICK_GELU_ALPHA 1.702F

enum { BF16_X, BF16_W, BF16_BIAS, BF16_Y, BF16_ARRAYS };

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t bf16_desc; /* an object of its own */

static bool bf16_desc_init(bf16_desc *d, const dnnl_dims_t dims, dnnl_data_type_t type,
                           const dnnl_dims_t strides)
{
    return dnnl_memory_desc_create_with_strides(d, 2, dims, type, strides) == dnnl_success;
}

static void bf16_desc_deinit(bf16_desc *d)
{
    dnnl_memory_desc_destroy(*d);
}

static bool bf16_make(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const bf16_desc *d, bool has_bias,
                      const_dnnl_primitive_attr_t attr)
{
    return dnnl_matmul_primitive_desc_create(out, engine, d[BF16_X], d[BF16_W],
                                             has_bias ? d[BF16_BIAS] : NULL, d[BF16_Y], attr) == dnnl_success;
}

static dnnl_status_t bf16_append(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, float alpha)
{
    return dnnl_post_ops_append_eltwise(ops, alg, alpha, 0);
}

static dnnl_status_t bf16_append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_f32);
}

#define BF16_DESC(d) (d)
#else
typedef dnnl_memory_desc_t bf16_desc; /* a plain structure */

static bool bf16_desc_init(bf16_desc *d, const dnnl_dims_t dims, dnnl_data_type_t type,
                           const dnnl_dims_t strides)
{
    return dnnl_memory_desc_init_by_strides(d, 2, dims, type, strides) == dnnl_success;
}

static void bf16_desc_deinit(bf16_desc *d)
{
    (void)d;
}

static bool bf16_make(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const bf16_desc *d, bool has_bias,
                      const_dnnl_primitive_attr_t attr)
{
    dnnl_matmul_desc_t m;
    return dnnl_matmul_desc_init(&m, &d[BF16_X], &d[BF16_W], has_bias ? &d[BF16_BIAS] : NULL, &d[BF16_Y]) ==
               dnnl_success &&
           dnnl_primitive_desc_create(out, &m, attr, engine, NULL) == dnnl_success;
}

static dnnl_status_t bf16_append(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, float alpha)
{
    return dnnl_post_ops_append_eltwise(ops, 1, alg, alpha, 0);
}

static dnnl_status_t bf16_append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1);
}

#define BF16_DESC(d) (&(d))
#endif

static bool bf16_describe(const hg_bf16_product *s, bf16_desc d[BF16_ARRAYS])
{
    const dnnl_dims_t x = {s->m, s->k}, w = {s->k, s->n}, bias = {1, s->n}, y = {s->m, s->n};
    return bf16_desc_init(&d[BF16_X], x, dnnl_bf16, (dnnl_dims_t){s->ldx, 1}) &&
           bf16_desc_init(&d[BF16_W], w, dnnl_bf16,
                          s->plain_w ? (dnnl_dims_t){s->ldw, 1} : (dnnl_dims_t){1, s->ldw}) &&
           bf16_desc_init(&d[BF16_BIAS], bias, dnnl_f32, (dnnl_dims_t){s->n, 1}) &&
           bf16_desc_init(&d[BF16_Y], y, s->to_bf16 ? dnnl_bf16 : dnnl_f32, (dnnl_dims_t){s->ldy, 1});
}

static bool bf16_end(hg_bf16_end end, dnnl_primitive_attr_t attr)
{
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t status = dnnl_post_ops_create(&ops);
    if (status == dnnl_success && end == HG_BF16_END_ADD)
        status = bf16_append_sum(ops);
    if (status == dnnl_success && end == HG_BF16_END_GELU)
        status = bf16_append(ops, dnnl_eltwise_gelu_erf, 0);
    if (status == dnnl_success && end == HG_BF16_END_QUICK_GELU)
        status = bf16_append(ops, dnnl_eltwise_swish, QUICK_GELU_ALPHA);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(attr, ops);
    dnnl_post_ops_destroy(ops);
    return status == dnnl_success;
}

typedef struct bf16_call {
    bf16_desc desc[BF16_ARRAYS];
    dnnl_memory_t memory[BF16_ARRAYS];
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t primitive_desc;
    dnnl_primitive_t primitive;
} bf16_call;

static bool bf16_open(bf16_call *c, const hg_bf16_product *s, bool has_bias)
{
    return bf16_describe(s, c->desc) && dnnl_engine_create(&c->engine, dnnl_cpu, 0) == dnnl_success &&
           dnnl_stream_create(&c->stream, c->engine, dnnl_stream_default_flags) == dnnl_success &&
           dnnl_primitive_attr_create(&c->attr) == dnnl_success && bf16_end(s->end, c->attr) &&
           bf16_make(&c->primitive_desc, c->engine, c->desc, has_bias, c->attr) &&
           dnnl_primitive_create(&c->primitive, c->primitive_desc) == dnnl_success;
}

static bool bf16_execute(bf16_call *c, bool has_bias, void *const data[BF16_ARRAYS])
{
    static const int arg[BF16_ARRAYS] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS, DNNL_ARG_DST};
    dnnl_exec_arg_t args[BF16_ARRAYS];
    int n = 0;
    for (int i = 0; i < BF16_ARRAYS; i++) {
        if (i == BF16_BIAS && !has_bias)
            continue;
        if (dnnl_memory_create(&c->memory[i], BF16_DESC(c->desc[i]), c->engine, data[i]) != dnnl_success)
            return false;
        args[n++] = (dnnl_exec_arg_t){arg[i], c->memory[i]};
    }
    return dnnl_primitive_execute(c->primitive, c->stream, n, args) == dnnl_success &&
           dnnl_stream_wait(c->stream) == dnnl_success;
}

static void bf16_close(bf16_call *c)
{
    for (int i = 0; i < BF16_ARRAYS; i++) {
        dnnl_memory_destroy(c->memory[i]);
        bf16_desc_deinit(&c->desc[i]);
    }
    dnnl_primitive_destroy(c->primitive);
    dnnl_primitive_desc_destroy(c->primitive_desc);
    dnnl_primitive_attr_destroy(c->attr);
    dnnl_stream_destroy(c->stream);
    dnnl_engine_destroy(c->engine);
}

void hg_onednn_gemm_bf16(const hg_bf16_product *s, const uint16_t *x, const uint16_t *w, const hg_real *bias,
                         void *y)
{
    if (s->m == 0 || s->n == 0)
        return;
    bool ok = false;
    if (s->k > 0) {
        bf16_call call = {0};
        int threads = omp_get_max_threads();
        omp_set_num_threads(1);
        ok = bf16_open(&call, s, bias != NULL) &&
             bf16_execute(&call, bias != NULL, (void *[]){(void *)x, (void *)w, (void *)bias, y});
        bf16_close(&call);
        omp_set_num_threads(threads);
    }
    if (!ok)
        hg_reference_gemm_bf16(s, x, w, bias, y);
}
