/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_limits.c: what the machine allows: how fast all threads together read memory that is in no cache, and
 * how fast they multiply matrices by oneDNN, cut into blocks of columns.
 */
#include "engine/bench_parts.h"

#include "base/memory.h"
#include "base/parallel.h"

/* Larger than any cache. */
#define READ_BYTES ((size_t)1 << 30)
#define READ_BYTES_SMALL ((size_t)128 << 20)
#define READ_CHUNK ((size_t)1 << 20)
/* Columns of a chunk of a product. */
#define PRODUCT_BLOCK 512
/* The tokens of the measured prompt and HealthGPT-M3's q, k and v: outputs and inputs of one layer. */
#define DECODER_ROWS 512
#define DECODER_OUT 9216
#define DECODER_IN 3072

typedef struct read_job {
    const uint64_t *data;
    uint64_t sums[READ_BYTES / READ_CHUNK]; /* so that no read can be left out */
} read_job;

static void read_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    read_job *job = arg;
    const uint64_t *x = job->data + (size_t)index * (READ_CHUNK / sizeof *x);
    uint64_t lane[16] = {0};
    for (size_t i = 0; i < READ_CHUNK / sizeof *x; i += 16) {
        for (int l = 0; l < 16; l++)
            lane[l] ^= x[i + (size_t)l];
    }
    for (int l = 1; l < 16; l++)
        lane[0] ^= lane[l];
    job->sums[index] = lane[0];
}

typedef struct read_task {
    int n_threads;
    size_t bytes;
    read_job job;
} read_task;

static hg_status read_run(void *arg, hg_error *err)
{
    (void)err;
    read_task *t = arg;
    hg_parallel_for(t->n_threads, (int64_t)(t->bytes / READ_CHUNK), read_chunk, &t->job);
    return HG_STATUS_OK;
}

static hg_status measure_bandwidth(hg_bench *b, hg_error *err)
{
    bool small = b->request->small;
    size_t bytes = small ? READ_BYTES_SMALL : READ_BYTES;
    uint64_t *data = hg_mem_aligned(64, bytes);
    if (data == NULL)
        return hg_error_memory(err, bytes, "the measurement of bandwidth");
    for (size_t i = 0; i < bytes / sizeof *data; i++)
        data[i] = i * 0x9e3779b97f4a7c15U; /* pages that were never written all are one page of zeros */
    read_task task = {.n_threads = b->n_threads, .bytes = bytes, .job = {.data = data}};
    const hg_bench_label label = {
        "read bandwidth", small ? "128 MiB" : "1 GiB", "GB/s", (double)bytes * 1e-9, NULL, 0};
    hg_status status = hg_bench_measure(b, &label, &(hg_bench_task){NULL, read_run, &task}, err);
    if (status == HG_STATUS_OK)
        b->bandwidth = 1e9 * b->report->lines[b->report->n_lines - 1].speed;
    hg_mem_free(data);
    return status;
}

/* y (m, n) = x (m, k) · w (n, k)ᵀ, in f32 or bf16. */
typedef struct product_task {
    const hg_kernels *kernels;
    int n_threads;
    bool bf16;
    int64_t m, n, k;
    void *x, *w;
    float *y;
} product_task;

static void product_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const product_task *t = arg;
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
    product_task *t = arg;
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

/* *speed: operations a second. */
static hg_status measure_product(hg_bench *b, const char *stage, const char *work, product_task t,
                                 double *speed, hg_error *err)
{
    t.kernels = b->kernels;
    t.n_threads = b->n_threads;
    t.x = product_values(t.m * t.k, t.bf16);
    t.w = product_values(t.n * t.k, t.bf16);
    t.y = hg_mem_array((size_t)(t.m * t.n), sizeof *t.y);
    double operations = 2 * (double)t.m * (double)t.n * (double)t.k;
    const hg_bench_label label = {stage, work, "GFLOP/s", operations * 1e-9, NULL, 0};
    hg_status status = t.x != NULL && t.w != NULL && t.y != NULL
                           ? hg_bench_measure(b, &label, &(hg_bench_task){NULL, product_run, &t}, err)
                           : hg_error_memory(err, 0, "the measurement of products");
    if (status == HG_STATUS_OK)
        *speed = 1e9 * b->report->lines[b->report->n_lines - 1].speed;
    hg_mem_free(t.x);
    hg_mem_free(t.w);
    hg_mem_free(t.y);
    return status;
}

hg_status hg_bench_limits(hg_bench *b, const hg_clip_config *clip, bool vision_bf16, hg_error *err)
{
    hg_status status = measure_bandwidth(b, err);
    const product_task decoder = {.m = DECODER_ROWS, .n = DECODER_OUT, .k = DECODER_IN};
    if (status == HG_STATUS_OK)
        status = measure_product(b, "product f32", "512 x 3072 x 9216", decoder, &b->f32, err);
    if (status == HG_STATUS_OK && b->kernels->fast_bf16) {
        product_task bf16 = decoder;
        bf16.bf16 = true;
        status = measure_product(b, "product bf16", "512 x 3072 x 9216", bf16, &b->bf16, err);
    }
    int64_t side = clip->image_size / clip->patch;
    const product_task image = {.bf16 = vision_bf16, .m = 1 + side * side, .n = clip->mlp, .k = clip->hidden};
    if (status == HG_STATUS_OK)
        status = measure_product(b, "product, image", vision_bf16 ? "CLIP's fc1, bf16" : "CLIP's fc1, f32",
                                 image, &b->vision, err);
    return status;
}
