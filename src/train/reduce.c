/* SPDX-License-Identifier: Apache-2.0
 *
 * reduce.c: sums over processes. Gradients go in rounds: each process gets its own slice of a round from all
 * the others, adds the slices in the order of ranks, and gives the sum to all. So every number travels twice,
 * whatever the number of processes, and is added once.
 */
#define _GNU_SOURCE /* sched_getaffinity */

#include "train/reduce.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "train/reduce_transport.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Floats of one process's slice of a round: 256 KiB. */
#define SLICE 65536
/* Numbers that hg_reduce_sum takes at a time. */
#define NUMBERS 64

struct hg_reduce {
    hg_reduce_transport transport;
    float *round, *received; /* size · SLICE each; NULL when alone */
    double *numbers;         /* size · NUMBERS */
};

/* How many processes the launcher says there are; 1 without one. */
static int reduce_launched(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};
    for (int i = 0; i < 2; i++) {
        const char *text = getenv(names[i]);
        long n = text != NULL ? strtol(text, NULL, 10) : 0;
        if (n > 1 && n <= INT_MAX)
            return (int)n;
    }
    return 1;
}

bool hg_reduce_is_launched(void)
{
    return reduce_launched() > 1;
}

static hg_status reduce_join(hg_reduce *r, hg_error *err)
{
    int n = reduce_launched();
    r->transport.size = 1;
    if (n == 1)
        return HG_STATUS_OK;
#ifdef HG_HAVE_MPI
    hg_status status = hg_reduce_mpi_join(&r->transport, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t size = (size_t)r->transport.size;
    r->round = hg_mem_array(size, SLICE * sizeof(float));
    r->received = hg_mem_array(size, SLICE * sizeof(float));
    r->numbers = hg_mem_array(size, NUMBERS * sizeof(double));
    if (r->round == NULL || r->received == NULL || r->numbers == NULL)
        return hg_error_memory(err, 2ULL * size * SLICE * sizeof(float), "sums over processes");
    return HG_STATUS_OK;
#else
    return hg_error_set(err, HG_STATUS_USAGE,
                        "mpirun started %d processes, but this build has no MPI: run one, or build with MPI",
                        n);
#endif
}

static void reduce_free(hg_reduce *r)
{
    hg_mem_free(r->round);
    hg_mem_free(r->received);
    hg_mem_free(r->numbers);
    hg_mem_free(r);
}

hg_status hg_reduce_open(hg_reduce **reduce, hg_error *err)
{
    *reduce = NULL;
    hg_reduce *r = hg_mem_array(1, sizeof *r);
    if (r == NULL)
        return hg_error_memory(err, sizeof *r, "sums over processes");
    hg_status status = reduce_join(r, err);
    if (status != HG_STATUS_OK) {
        reduce_free(r); /* not the regular end, which would wait for the others */
        return status;
    }
    *reduce = r;
    return HG_STATUS_OK;
}

void hg_reduce_close(hg_reduce *reduce)
{
    if (reduce == NULL)
        return;
    if (reduce->transport.finish != NULL)
        reduce->transport.finish();
    reduce_free(reduce);
}

void hg_reduce_abort(hg_reduce *reduce, int exit_code)
{
    if (reduce->transport.end_all != NULL)
        reduce->transport.end_all(exit_code);
}

int hg_reduce_get_rank(const hg_reduce *reduce)
{
    return reduce->transport.rank;
}

int hg_reduce_get_size(const hg_reduce *reduce)
{
    return reduce->transport.size;
}

/* A place in a list of gradients. */
typedef struct reduce_cursor {
    hg_param *params;
    size_t n_params, param;
    int64_t element;
} reduce_cursor;

/* Copies up to `count` floats between the gradients from the cursor on and `buffer`, and moves the cursor;
 * returns how many there were. */
static int64_t cursor_copy(reduce_cursor *c, float *buffer, int64_t count, bool to_gradients)
{
    int64_t done = 0;
    while (done < count && c->param < c->n_params) {
        hg_param *p = &c->params[c->param];
        int64_t n = p->n - c->element < count - done ? p->n - c->element : count - done;
        if (n > 0 && to_gradients)
            memcpy(p->grad + c->element, buffer + done, (size_t)n * sizeof(float));
        else if (n > 0)
            memcpy(buffer + done, p->grad + c->element, (size_t)n * sizeof(float));
        done += n;
        c->element += n;
        if (c->element >= p->n) {
            c->param++;
            c->element = 0;
        }
    }
    return done;
}

/* The sum of a round of `count` floats, which it replaces. */
static hg_status reduce_round(hg_reduce *r, int64_t count, hg_error *err)
{
    const hg_reduce_transport *t = &r->transport;
    int64_t slice = (count + t->size - 1) / t->size;
    memset(r->round + count, 0, (size_t)(slice * t->size - count) * sizeof(float));
    hg_status status = t->exchange(r->round, r->received, (int)slice, err);
    if (status != HG_STATUS_OK)
        return status;
    for (int rank = 1; rank < t->size; rank++) {
        for (int64_t i = 0; i < slice; i++)
            r->received[i] += r->received[rank * slice + i];
    }
    return t->collect(r->received, r->round, (int)(slice * (int64_t)sizeof(float)), err);
}

hg_status hg_reduce_sum_gradients(hg_reduce *reduce, hg_param *params, size_t n_params, hg_error *err)
{
    reduce_cursor from = {params, n_params, 0, 0}, to = from;
    if (reduce->transport.size == 1)
        return HG_STATUS_OK;
    for (;;) {
        int64_t count = cursor_copy(&from, reduce->round, (int64_t)reduce->transport.size * SLICE, false);
        if (count == 0)
            return HG_STATUS_OK;
        hg_status status = reduce_round(reduce, count, err);
        if (status != HG_STATUS_OK)
            return status;
        cursor_copy(&to, reduce->round, count, true);
    }
}

hg_status hg_reduce_sum(hg_reduce *reduce, double *values, size_t n, hg_error *err)
{
    const hg_reduce_transport *t = &reduce->transport;
    if (t->size == 1)
        return HG_STATUS_OK;
    for (size_t begin = 0; begin < n; begin += NUMBERS) {
        size_t count = n - begin < NUMBERS ? n - begin : NUMBERS;
        hg_status status = t->collect(values + begin, reduce->numbers, (int)(count * sizeof(double)), err);
        if (status != HG_STATUS_OK)
            return status;
        for (size_t i = 0; i < count; i++) {
            double sum = reduce->numbers[i];
            for (size_t rank = 1; rank < (size_t)t->size; rank++)
                sum += reduce->numbers[rank * count + i];
            values[begin + i] = sum;
        }
    }
    return HG_STATUS_OK;
}

hg_status hg_reduce_broadcast(hg_reduce *reduce, void *data, size_t bytes, int root, hg_error *err)
{
    const size_t most = (size_t)1 << 26;
    uint8_t *at = data;
    for (size_t left = reduce->transport.size == 1 ? 0 : bytes; left > 0;) {
        size_t n = left < most ? left : most;
        hg_status status = reduce->transport.broadcast(at, (int)n, root, err);
        if (status != HG_STATUS_OK)
            return status;
        at += n;
        left -= n;
    }
    return HG_STATUS_OK;
}

hg_status hg_reduce_agree(hg_reduce *reduce, hg_status status, hg_error *err)
{
    const hg_reduce_transport *t = &reduce->transport;
    if (t->size == 1)
        return status;
    double mine = (double)status;
    hg_status sent = t->collect(&mine, reduce->numbers, sizeof mine, err);
    if (sent != HG_STATUS_OK)
        return sent;
    int failed = 0;
    while (failed < t->size && reduce->numbers[failed] == 0)
        failed++;
    if (failed == t->size)
        return HG_STATUS_OK;
    hg_error text = {HG_STATUS_FAILED, ""};
    if (failed == t->rank && err != NULL)
        text = *err;
    text.code = (hg_status)(int)reduce->numbers[failed];
    sent = hg_reduce_broadcast(reduce, &text, sizeof text, failed, err);
    if (sent != HG_STATUS_OK)
        return sent;
    if (err != NULL)
        *err = text;
    return text.code;
}

/* A number of the machine and of the processors on it that this process may run on. */
static uint64_t reduce_place(void)
{
    char host[256] = "";
    cpu_set_t set;
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    gethostname(host, sizeof host - 1);
    for (size_t i = 0; host[i] != 0; i++)
        hash = (hash ^ (unsigned char)host[i]) * 1099511628211U;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return hash;
    for (size_t i = 0; i < CPU_SETSIZE; i++)
        hash = (hash ^ (unsigned char)(CPU_ISSET(i, &set) ? 1 : 0)) * 1099511628211U;
    return hash;
}

hg_status hg_reduce_share_threads(hg_reduce *reduce, int *n_threads, hg_error *err)
{
    const hg_reduce_transport *t = &reduce->transport;
    *n_threads = hg_parallel_processors();
    if (t->size == 1)
        return HG_STATUS_OK;
    uint64_t mine = reduce_place();
    hg_status status = t->collect(&mine, reduce->numbers, sizeof mine, err);
    if (status != HG_STATUS_OK)
        return status;
    int here = 0;
    for (int rank = 0; rank < t->size; rank++)
        here += memcmp(&reduce->numbers[rank], &mine, sizeof mine) == 0;
    *n_threads = *n_threads > here ? *n_threads / here : 1;
    return HG_STATUS_OK;
}

bool hg_reduce_is_threaded(const hg_reduce *reduce)
{
    return reduce->transport.any_thread;
}
