/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder_limits.h: what the machine allows: reading memory, and oneDNN's dense products.
 */
#ifndef HG_DECODER_LIMITS_H
#define HG_DECODER_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* Seconds that n_threads take to read `bytes` at p, by nothing but loads. */
double hg_bench_read_seconds(int n_threads, const void *p, int64_t bytes);

/* The products of one layer of HealthGPT-M3's decoder, dense in bf16, for `rows` rows, with weights in the
 * order that oneDNN likes. */
typedef struct hg_bench_dense hg_bench_dense;

hg_bench_dense *hg_bench_dense_open(int64_t rows); /* NULL where that is not possible */
double hg_bench_dense_seconds(hg_bench_dense *dense);
void hg_bench_dense_close(hg_bench_dense *dense);

#endif
