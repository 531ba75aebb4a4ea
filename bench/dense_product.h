/* SPDX-License-Identifier: Apache-2.0
 *
 * dense_product.h: oneDNN's product of dense matrices, weights in the order it likes, on all threads: what
 * products with block-quantised weights are compared with.
 */
#ifndef HG_BENCH_DENSE_PRODUCT_H
#define HG_BENCH_DENSE_PRODUCT_H

#include <dnnl.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct dense_product {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive; /* NULL: oneDNN has none of this type here */
    dnnl_memory_t x, w, y;
} dense_product;

/* y (t, n) in float32 = x (t, k) w (k, n), both of `type`. False when oneDNN has it not, as bf16 on
 * processors without AVX-512 (or with DNNL_MAX_CPU_ISA below it). Ends the program when memory is short. */
bool dense_product_open(dense_product *d, dnnl_data_type_t type, int64_t t, int64_t k, int64_t n);

/* Seconds that one product takes; 0 where there is none. */
double dense_product_seconds(dense_product *d);

void dense_product_close(dense_product *d);

#endif
