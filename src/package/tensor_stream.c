/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_stream.c: a tensor is cut into pieces (one write each), a piece into tasks (one thread each). Cuts
 * lie at multiples of a unit that both types can be cut at: a row of blocks, or any number of plain elements.
 */
#include "package/tensor_stream.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/parallel.h"

#include <string.h>

#define TASK_ELEMENTS ((int64_t)1 << 16)
#define PIECE_ELEMENTS ((int64_t)1 << 22)
#define PLAIN_UNIT 4096

hg_status hg_tensor_stream_init(hg_tensor_stream *s, int n_threads, const hg_progress *progress,
                                const char *stage, uint64_t total, hg_error *err)
{
    *s = (hg_tensor_stream){.n_threads = n_threads > 0 ? n_threads : hg_parallel_processors(),
                            .progress = {progress, stage, 0, total}};
    s->bad = hg_mem_array((size_t)s->n_threads, sizeof *s->bad);
    return s->bad != NULL ? HG_STATUS_OK
                          : hg_error_memory(err, (unsigned long long)s->n_threads, "converting tensors");
}

void hg_tensor_stream_deinit(hg_tensor_stream *s)
{
    hg_mem_free(s->rows);
    hg_mem_free(s->out);
    hg_mem_free(s->bad);
    *s = (hg_tensor_stream){.n_threads = 0};
}

typedef struct stream_job {
    const hg_tensor_stream *s;
    const uint8_t *from; /* of the whole tensor */
    hg_dtype from_type, type;
    int64_t begin, end; /* of the piece, in elements */
    int64_t task;       /* elements */
    bool writes;
} stream_job;

/* Whether all are numbers that the type can hold: finite, and for f16 below what would round to infinity.
 * Bits of absolute values order like the values, and the loop needs no order. */
static bool all_fit(const float *x, int64_t n, hg_dtype type)
{
    const uint32_t limit = type == HG_DTYPE_F16 ? 0x477ff000U : 0x7f800000U; /* 65520; infinity */
    uint32_t bad = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bad |= (bits & 0x7fffffffU) >= limit ? 1U : 0U;
    }
    return bad == 0;
}

static void stream_task(void *arg, int64_t index, int worker)
{
    const stream_job *job = arg;
    const hg_tensor_stream *s = job->s;
    int64_t begin = job->begin + index * job->task;
    int64_t end = begin + job->task < job->end ? begin + job->task : job->end;
    const uint8_t *from = job->from + hg_dtype_span(job->from_type, begin);
    float *rows = s->rows + (size_t)worker * s->rows_each;
    hg_dtype_to_real(job->from_type, end - begin, from, rows);
    if (!all_fit(rows, end - begin, job->type)) {
        s->bad[worker] = true;
        return;
    }
    uint8_t *to = s->out + hg_dtype_span(job->type, begin - job->begin);
    if (job->writes && job->type == job->from_type)
        memcpy(to, from, hg_dtype_span(job->type, end - begin));
    else if (job->writes)
        hg_dtype_from_real(job->type, end - begin, rows, to);
}

static hg_status stream_reserve(hg_tensor_stream *s, int64_t task, size_t out_bytes, hg_error *err)
{
    size_t n;
    if ((size_t)task > s->rows_each) {
        hg_mem_free(s->rows);
        s->rows_each = (size_t)task;
        s->rows =
            hg_checked_mul(s->rows_each, (size_t)s->n_threads, &n) ? hg_mem_array(n, sizeof *s->rows) : NULL;
    }
    if (out_bytes > s->out_bytes) {
        hg_mem_free(s->out);
        s->out_bytes = out_bytes;
        s->out = hg_mem_array(out_bytes, 1);
    }
    if (s->rows != NULL && s->out != NULL)
        return HG_STATUS_OK;
    s->rows_each = s->out_bytes = 0;
    return hg_error_memory(err, (size_t)task * sizeof *s->rows * (size_t)s->n_threads + out_bytes,
                           "converting tensors");
}

static bool any_bad(const hg_tensor_stream *s)
{
    for (int i = 0; i < s->n_threads; i++) {
        if (s->bad[i])
            return true;
    }
    return false;
}

/* One piece: converted, written, and its source's memory let go. */
static hg_status stream_piece(hg_tensor_stream *s, stream_job *job, const hg_tensor_set *set,
                              hg_tensor_writer *writer, hg_error *err)
{
    const uint8_t *from = job->from + hg_dtype_span(job->from_type, job->begin);
    size_t from_bytes = hg_dtype_span(job->from_type, job->end - job->begin);
    hg_parallel_for(s->n_threads, (job->end - job->begin + job->task - 1) / job->task, stream_task, job);
    hg_tensor_set_release(set, from, from_bytes);
    if (any_bad(s))
        return HG_STATUS_OK;
    hg_status status = HG_STATUS_OK;
    if (writer != NULL)
        status = hg_tensor_writer_write(writer, s->out, hg_dtype_span(job->type, job->end - job->begin), err);
    return status == HG_STATUS_OK ? hg_hash_progress_add(&s->progress, from_bytes, err) : status;
}

hg_status hg_tensor_stream_put(hg_tensor_stream *s, const hg_tensor_set *set, const hg_tensor *t,
                               hg_dtype type, hg_tensor_writer *writer, bool *bad, hg_error *err)
{
    bool blocks = hg_dtype_is_quantised(type) || hg_dtype_is_quantised(t->dtype);
    int64_t unit = blocks ? t->shape[t->n_dims - 1] : PLAIN_UNIT, count = hg_tensor_count(t);
    *bad = false;
    if (count == 0) /* rows without elements are no unit */
        return HG_STATUS_OK;
    int64_t task = unit >= TASK_ELEMENTS ? unit : TASK_ELEMENTS / unit * unit;
    int64_t piece = task >= PIECE_ELEMENTS ? task : PIECE_ELEMENTS / task * task;
    stream_job job = {s, t->data, t->dtype, type, 0, 0, task, writer != NULL};
    hg_status status =
        stream_reserve(s, task, hg_dtype_span(type, blocks || piece < count ? piece : count), err);
    memset(s->bad, 0, (size_t)s->n_threads * sizeof *s->bad);
    for (int64_t begin = 0; status == HG_STATUS_OK && begin < count && !any_bad(s); begin += piece) {
        job.begin = begin;
        job.end = begin + piece < count ? begin + piece : count;
        status = stream_piece(s, &job, set, writer, err);
    }
    *bad = any_bad(s);
    return status;
}
