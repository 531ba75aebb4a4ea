/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder_limits.h: what the machine allows: oneDNN's dense products.
 */
#ifndef HG_DECODER_LIMITS_H
#define HG_DECODER_LIMITS_H

#include <stdint.h>

/* The products of one layer of HealthGPT-M3's decoder, dense in bf16, for `rows` rows, with weights in the
 * order that oneDNN likes. */
typedef struct hg_bench_dense hg_bench_dense;

hg_bench_dense *hg_bench_dense_open(int64_t rows); /* NULL where that is not possible */
double hg_bench_dense_seconds(hg_bench_dense *dense);
void hg_bench_dense_close(hg_bench_dense *dense);

#endif
