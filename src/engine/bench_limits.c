/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_limits.c: what the machine allows: how fast all threads together read memory that is in no cache, in
 * huge pages where there are some, and how fast they multiply matrices by oneDNN, cut into blocks of columns.
 */
#include "engine/bench_parts.h"

#include "base/bandwidth.h"
#include "base/huge_pages.h"
#include "base/memory.h"
#include "base/parallel.h"

/* Larger than any cache. */
#define READ_BYTES ((size_t)1 << 30)
#define READ_BYTES_SMALL ((size_t)128 << 20)
/* Columns of a chunk of a product. */
#define PRODUCT_BLOCK 512
/* The tokens of the measured prompt and HealthGPT-M3's q, k and v: outputs and inputs of one layer. */
#define DECODER_ROWS 512
#define DECODER_OUT 9216
#define DECODER_IN 3072

typedef struct read_work {
    int n_threads;
    size_t bytes, ahead;
    uint8_t *data;
    volatile uint64_t sum;
} read_work;

static hg_status read_run(void *arg, hg_error *err)
{
    (void)err;
    read_work *work = arg;
    work->sum = hg_bandwidth_read(work->n_threads, work->data, work->bytes, work->ahead);
    return HG_STATUS_OK;
}

/* y (m, n) = x (m, k) · w (n, k)ᵀ, in f32 or bf16. */
typedef struct product_work {
    const hg_kernels *kernels;
    int n_threads;
    bool bf16;
    int64_t m, n, k;
    void *x, *w;
    float *y;
} product_work;

static void product_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const product_work *t = arg;
    int64_t first = index * PRODUCT_BLOCK, n = t->n - first < PRODUCT_BLOCK ? t->n - first : PRODUCT_BLOCK;
    if (t->bf16) {
        hg_bf16_product s = {.m = t->m, .n = n, .k = t->k, .ldx = t->k, .ldw = t->k, .ldy = t->n};
        t->kernels->gemm_bf16(&s, t->x, (const uint16_t *)t->w + first * t->k, NULL, t->y + first);
        return;
    }
    hg_gemm_shape s = {.trans_b = true, .m = t->m, .n = n, .k = t->k, .lda = t->k, .ldb = t->k, .ldc = t->n};
    t->kernels->gemm(&s, t->x, (const float *)t->w + first * t->k, 0, t->y + first);
}

static hg_status product_run(void *arg, hg_error *err)
{
    (void)err;
    product_work *t = arg;
    hg_parallel_for(t->n_threads, (t->n + PRODUCT_BLOCK - 1) / PRODUCT_BLOCK, product_chunk, t);
    return HG_STATUS_OK;
}

static void *product_values(int64_t n, bool bf16)
{
    uint16_t *x = hg_mem_array((size_t)n, bf16 ? sizeof(uint16_t) : sizeof(float));
    float *f = (float *)x;
    for (int64_t i = 0; x != NULL && i < n; i++) {
        float value = (float)(i % 97) * 0.01F - 0.48F;
        if (bf16)
            x[i] = hg_f32_to_bf16(value);
        else
            f[i] = value;
    }
    return x;
}

struct hg_bench_limits {
    read_work read;
    product_work f32, bf16, vision;
};

/* The yardstick's own line in the report; on success it is one from now on. */
static hg_status measure_alone(hg_bench *b, hg_bench_yardstick *y, const char *work, const char *unit,
                               hg_error *err)
{
    const hg_bench_label label = {.stage = y->stage, .work = work, .unit = unit, .amount = y->amount * 1e-9};
    hg_status status = hg_bench_measure(b, &label, &y->task, err);
    if (status == HG_STATUS_OK)
        y->speed = 1e9 * b->report->lines[b->report->n_lines - 1].speed;
    return status;
}

static hg_status measure_bandwidth(hg_bench *b, hg_error *err)
{
    bool small = b->request->small;
    read_work *work = &b->limits->read;
    work->n_threads = b->n_threads;
    work->bytes = small ? READ_BYTES_SMALL : READ_BYTES;
    work->data = hg_huge_pages_map(work->bytes);
    if (work->data == NULL)
        return hg_error_memory(err, work->bytes, "the measurement of bandwidth");
    for (size_t i = 0; i < work->bytes; i++) /* pages that were never written all are one page of zeros */
        work->data[i] = (uint8_t)(i * 197 >> 3);
    work->ahead = hg_bandwidth_ahead(work->data, work->bytes);
    b->bandwidth = (hg_bench_yardstick){
        .stage = "read bandwidth", .task = {NULL, read_run, work}, .amount = (double)work->bytes};
    return measure_alone(b, &b->bandwidth, small ? "128 MiB" : "1 GiB", "GB/s", err);
}

static hg_status measure_product(hg_bench *b, hg_bench_yardstick *y, product_work *work, const char *stage,
                                 const char *words, hg_error *err)
{
    work->kernels = b->kernels;
    work->n_threads = b->n_threads;
    work->x = product_values(work->m * work->k, work->bf16);
    work->w = product_values(work->n * work->k, work->bf16);
    work->y = hg_mem_array((size_t)(work->m * work->n), sizeof *work->y);
    if (work->x == NULL || work->w == NULL || work->y == NULL)
        return hg_error_memory(err, 0, "the measurement of products");
    *y = (hg_bench_yardstick){.stage = stage,
                              .task = {NULL, product_run, work},
                              .amount = 2 * (double)work->m * (double)work->n * (double)work->k};
    return measure_alone(b, y, words, "GFLOP/s", err);
}

hg_status hg_bench_limits_open(hg_bench *b, const hg_clip_config *clip, bool vision_bf16, hg_error *err)
{
    hg_bench_limits *l = b->limits = hg_mem_array(1, sizeof *b->limits);
    if (l == NULL)
        return hg_error_memory(err, sizeof *l, "the measurement of limits");
    int64_t side = clip->image_size / clip->patch;
    l->f32 = l->bf16 = (product_work){.m = DECODER_ROWS, .n = DECODER_OUT, .k = DECODER_IN};
    l->bf16.bf16 = true;
    l->vision = (product_work){.bf16 = vision_bf16, .m = 1 + side * side, .n = clip->mlp, .k = clip->hidden};
    hg_status status = measure_bandwidth(b, err);
    if (status == HG_STATUS_OK)
        status = measure_product(b, &b->f32, &l->f32, "product f32", "512 x 3072 x 9216", err);
    if (status == HG_STATUS_OK && b->kernels->fast_bf16)
        status = measure_product(b, &b->bf16, &l->bf16, "product bf16", "512 x 3072 x 9216", err);
    if (status == HG_STATUS_OK)
        status = measure_product(b, &b->vision, &l->vision, "product, image",
                                 vision_bf16 ? "CLIP's fc1, bf16" : "CLIP's fc1, f32", err);
    return status;
}

void hg_bench_limits_close(hg_bench *b)
{
    if (b->limits == NULL)
        return;
    product_work *const products[] = {&b->limits->f32, &b->limits->bf16, &b->limits->vision};
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        hg_mem_free(products[i]->x);
        hg_mem_free(products[i]->w);
        hg_mem_free(products[i]->y);
    }
    hg_huge_pages_unmap(b->limits->read.data, b->limits->read.bytes);
    hg_mem_free(b->limits);
    b->limits = NULL;
}
