/* SPDX-License-Identifier: Apache-2.0
 *
 * prefetch_trial.c: the ways in turns, each time on the next piece of the weights, so that no cache has it.
 * The smallest lower quartile wins: what disturbs a trial only makes it longer.
 */
#include "ops/prefetch_trial.h"

#include "base/memory.h"
#include "base/timing.h"

#include <string.h>

#define TRIAL_TURNS 11 /* and one before, which warms up */
#define TRIAL_BYTES ((size_t)8 << 20)
/* What asking has to bring. Where others take most of the memory meanwhile all ways look alike, and a wrong
 * one costs more than five parts of a hundred when they are gone. */
#define TRIAL_WORTH 0.95
/* When a piece's turn comes again, so much else was read. */
#define TRIAL_LEAST ((size_t)128 << 20)
#define TRIAL_ROWS 64

typedef struct trial {
    const hg_kernels *kernels;
    hg_dtype type;
    size_t n;
    hg_tensor *const *matrices;
    size_t matrix; /* where the next piece begins */
    int64_t row;
    void *x; /* zeros: a rounded row as long as any matrix's */
} trial;

static bool trial_takes(const trial *t, size_t i)
{
    return t->matrices[i]->interleaved && t->matrices[i]->dtype == t->type;
}

/* Multiplies the next rows with x; returns their bytes. */
static size_t trial_rows(trial *t, hg_prefetch way)
{
    while (!trial_takes(t, t->matrix) || t->row >= t->matrices[t->matrix]->shape[0]) {
        t->matrix = (t->matrix + 1) % t->n;
        t->row = 0;
    }
    const hg_tensor *w = t->matrices[t->matrix];
    const int64_t k = w->shape[1], left = w->shape[0] - t->row, rows = left < TRIAL_ROWS ? left : TRIAL_ROWS;
    const hg_rounded x = hg_rounded_make(1, k, t->x);
    float y[TRIAL_ROWS];
    t->kernels->matvec_interleaved(t->type, rows, hg_tensor_at(w, t->row * k), way, &x, false, y, rows);
    t->row += rows;
    return hg_dtype_span(t->type, rows * k);
}

/* Seconds a byte. */
static double trial_run(trial *t, hg_prefetch way)
{
    const double begin = hg_timing_now();
    size_t bytes = 0;
    while (bytes < TRIAL_BYTES)
        bytes += trial_rows(t, way);
    return (hg_timing_now() - begin) / (double)bytes;
}

static hg_prefetch trial_fastest(trial *t)
{
    double seconds[HG_PREFETCH_COUNT][TRIAL_TURNS];
    for (int turn = -1; turn < TRIAL_TURNS; turn++) {
        for (int way = HG_PREFETCH_NONE; way < HG_PREFETCH_COUNT; way++) {
            const double s = trial_run(t, (hg_prefetch)way);
            if (turn >= 0)
                seconds[way][turn] = s;
        }
    }
    hg_prefetch best = HG_PREFETCH_NONE;
    double least = TRIAL_WORTH * hg_timing_quartile(TRIAL_TURNS, seconds[HG_PREFETCH_NONE]);
    for (int way = HG_PREFETCH_NONE + 1; way < HG_PREFETCH_COUNT; way++) {
        const double time = hg_timing_quartile(TRIAL_TURNS, seconds[way]);
        if (time < least) {
            least = time;
            best = (hg_prefetch)way;
        }
    }
    return best;
}

/* Bytes of a type's matrices. */
static size_t trial_bytes(const trial *t)
{
    size_t bytes = 0;
    for (size_t i = 0; i < t->n; i++)
        bytes += trial_takes(t, i) ? hg_tensor_bytes(t->matrices[i]) : 0;
    return bytes;
}

/* For all matrices, or the interleaved ones of the trial's type. */
static void trial_set(const trial *t, bool all, hg_prefetch way)
{
    for (size_t i = 0; i < t->n; i++) {
        if (all || trial_takes(t, i))
            t->matrices[i]->prefetch = way;
    }
}

/* Tries a type, and sets what is fastest for it: for all matrices, or its own. */
static void trial_type(trial *t, hg_dtype type, bool all)
{
    t->type = type;
    t->matrix = 0;
    t->row = 0;
    trial_set(t, all, trial_fastest(t));
}

static int64_t trial_columns(const trial *t)
{
    int64_t most = 0;
    for (size_t i = 0; i < t->n; i++)
        most = t->matrices[i]->shape[1] > most ? t->matrices[i]->shape[1] : most;
    return most;
}

void hg_prefetch_choose(const hg_kernels *kernels, size_t n, hg_tensor *const *matrices)
{
    static const hg_dtype types[] = {HG_DTYPE_Q8_0, HG_DTYPE_Q4_0, HG_DTYPE_Q4_K};
    enum { TYPES = sizeof types / sizeof *types };
    trial t = {.kernels = kernels, .n = n, .matrices = matrices};
    size_t bytes[TYPES], most = 0;
    for (size_t i = 0; i < TYPES; i++) {
        t.type = types[i];
        bytes[i] = trial_bytes(&t);
        most = bytes[i] > bytes[most] ? i : most;
    }
    const size_t row = hg_rounded_bytes(1, trial_columns(&t));
    if (bytes[most] < TRIAL_LEAST || (t.x = hg_mem_aligned(64, row)) == NULL)
        return;
    memset(t.x, 0, row);
    trial_type(&t, types[most], true);
    for (size_t i = 0; i < TYPES; i++) {
        if (i != most && bytes[i] >= TRIAL_LEAST)
            trial_type(&t, types[i], false);
    }
    hg_mem_free(t.x);
}
