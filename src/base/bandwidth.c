/* SPDX-License-Identifier: Apache-2.0
 *
 * bandwidth.c: see bandwidth.h.
 */
#include "base/bandwidth.h"

#include "base/parallel.h"
#include "base/timing.h"

#include <math.h>
#include <stdatomic.h>

#define READ_CHUNK ((size_t)1 << 20)
#define READ_LINE 64
#define READ_TRIALS 5
#define READ_TRIAL_BYTES ((size_t)128 << 20)

typedef struct read_work {
    const uint8_t *memory;
    size_t ahead;
    atomic_ullong sum;
} read_work;

/* A chunk's lines, all by the same instruction: some processors foresee what an instruction reads from what
 * it read before, and are an eighth slower when eight take turns. Inlined, so that nothing is decided in the
 * loop. */
static inline uint64_t read_lines(const uint8_t *p, size_t ahead)
{
    uint64_t sum = 0;
    for (const uint8_t *end = p + READ_CHUNK; p < end; p += READ_LINE) {
        if (ahead > 0)
            __builtin_prefetch((const void *)((uintptr_t)p + ahead));
        sum ^= *(const volatile uint64_t *)(const volatile void *)p;
    }
    return sum;
}

static void read_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    read_work *work = arg;
    const uint8_t *p = work->memory + (size_t)index * READ_CHUNK;
    const uint64_t sum = work->ahead > 0 ? read_lines(p, work->ahead) : read_lines(p, 0);
    atomic_fetch_xor_explicit(&work->sum, sum, memory_order_relaxed);
}

uint64_t hg_bandwidth_read(int n_threads, const void *memory, size_t bytes, size_t ahead)
{
    read_work work = {.memory = memory, .ahead = ahead};
    atomic_init(&work.sum, 0);
    hg_parallel_for(n_threads, (int64_t)(bytes / READ_CHUNK), read_chunk, &work);
    return atomic_load(&work.sum);
}

size_t hg_bandwidth_ahead(const void *memory, size_t bytes)
{
    static const size_t ways[] = {0, 2048, 4096, 8192};
    enum { WAYS = sizeof ways / sizeof *ways };
    double seconds[WAYS][READ_TRIALS];
    const size_t some = bytes < READ_TRIAL_BYTES ? bytes : READ_TRIAL_BYTES;
    for (int trial = -1; trial < READ_TRIALS; trial++) { /* the first warms up */
        for (int i = 0; i < WAYS; i++) {
            const double begin = hg_timing_now();
            volatile uint64_t read = hg_bandwidth_read(1, memory, some, ways[i]);
            (void)read;
            if (trial >= 0)
                seconds[i][trial] = hg_timing_now() - begin;
        }
    }
    size_t best = 0;
    double least = INFINITY;
    for (size_t i = 0; i < WAYS; i++) {
        const double time = hg_timing_quartile(READ_TRIALS, seconds[i]);
        if (time < least) {
            least = time;
            best = ways[i];
        }
    }
    return best;
}
