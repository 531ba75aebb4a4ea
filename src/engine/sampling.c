/* SPDX-License-Identifier: Apache-2.0
 *
 * sampling.c: penalty, temperature, top-k, top-p, in the order of the transformers library, whose generation
 * settings users know. Ties are broken by the lower id, so results are the same everywhere.
 */
#include "engine/sampling.h"

#include "base/memory.h"

#include <math.h>
#include <stdbool.h>

hg_status hg_sampler_init(hg_sampler *s, const hg_sampling *how, int64_t n_tokens, hg_error *err)
{
    *s = (hg_sampler){.how = *how, .n_tokens = n_tokens};
    if (!(how->temperature >= 0) || !isfinite(how->temperature))
        return hg_error_set(err, HG_STATUS_USAGE, "temperature %g: must be 0 (greedy) or more",
                            how->temperature);
    if (!(how->top_p > 0 && how->top_p <= 1))
        return hg_error_set(err, HG_STATUS_USAGE, "top-p %g: must be above 0 and at most 1", how->top_p);
    if (how->top_k < 0)
        return hg_error_set(err, HG_STATUS_USAGE, "top-k %d: must be 0 (all) or more", how->top_k);
    if (!(how->repetition_penalty > 0) || !isfinite(how->repetition_penalty))
        return hg_error_set(err, HG_STATUS_USAGE, "repetition penalty %g: must be above 0",
                            how->repetition_penalty);
    hg_rng_init(&s->rng, how->seed);
    s->seen = hg_mem_array((size_t)n_tokens, sizeof *s->seen);
    s->order = hg_mem_array((size_t)n_tokens, sizeof *s->order);
    s->weights = hg_mem_array((size_t)n_tokens, sizeof *s->weights);
    if (s->seen != NULL && s->order != NULL && s->weights != NULL)
        return HG_STATUS_OK;
    hg_sampler_deinit(s);
    return hg_error_memory(err, (unsigned long long)n_tokens * 13, "sampling");
}

void hg_sampler_deinit(hg_sampler *s)
{
    hg_mem_free(s->seen);
    hg_mem_free(s->order);
    hg_mem_free(s->weights);
    s->seen = NULL;
    s->order = NULL;
    s->weights = NULL;
}

static void sampler_penalise(const hg_sampler *s, float *logits)
{
    float penalty = (float)s->how.repetition_penalty;
    for (int64_t i = 0; i < s->n_tokens; i++) {
        if (s->seen[i])
            logits[i] = logits[i] < 0 ? logits[i] * penalty : logits[i] / penalty;
    }
}

static int32_t sampler_largest(const hg_sampler *s, const float *logits)
{
    int64_t best = 0;
    for (int64_t i = 1; i < s->n_tokens; i++) {
        if (logits[i] > logits[best])
            best = i;
    }
    return (int32_t)best;
}

/* Whether token a comes before token b: more likely, or equal and lower. */
static bool sampler_before(const float *logits, int32_t a, int32_t b)
{
    return logits[a] > logits[b] || (logits[a] >= logits[b] && a < b);
}

static void heap_sink(int32_t *heap, int64_t n, int64_t at, const float *logits)
{
    for (int64_t child = 2 * at + 1; child < n; at = child, child = 2 * at + 1) {
        if (child + 1 < n && sampler_before(logits, heap[child + 1], heap[child]))
            child++;
        if (!sampler_before(logits, heap[child], heap[at]))
            return;
        int32_t moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
    }
}

/* Takes tokens from a heap, most likely first, until top-k or top-p is reached, then draws among them: only
 * as many are sorted as are needed. order[n_tokens - taken ..] holds the taken ones. */
static int32_t sampler_draw(hg_sampler *s, const float *logits)
{
    int64_t n = s->n_tokens, keep = s->how.top_k > 0 && s->how.top_k < n ? s->how.top_k : n, taken = 0;
    double total = 0, sum = 0;
    float top = logits[sampler_largest(s, logits)];
    for (int64_t i = 0; i < n; i++)
        s->order[i] = (int32_t)i;
    for (int64_t i = n / 2 - 1; i >= 0; i--)
        heap_sink(s->order, n, i, logits);
    /* top-p counts shares among what top-k keeps; with all kept the total is known without sorting */
    for (int64_t i = 0; i < n; i++) {
        s->weights[i] = exp(((double)logits[i] - (double)top) / s->how.temperature);
        total += s->weights[i];
    }
    if (keep < n)
        total = 0;
    for (int64_t left = n; taken < keep && (keep < n || sum < s->how.top_p * total); taken++, left--) {
        int32_t token = s->order[0];
        s->order[0] = s->order[left - 1];
        heap_sink(s->order, left - 1, 0, logits);
        s->order[left - 1] = token;
        sum += s->weights[token];
    }
    if (keep < n) { /* now cut the k kept ones to top-p */
        double share = s->how.top_p * sum;
        double part = 0;
        int64_t count = 0;
        while (count < taken && part < share)
            part += s->weights[s->order[n - 1 - count++]];
        taken = count;
        sum = part;
    }
    double target = hg_rng_uniform(&s->rng) * sum, reached = 0;
    for (int64_t i = 0; i < taken; i++) {
        int32_t token = s->order[n - 1 - i];
        reached += s->weights[token];
        if (target < reached)
            return token;
    }
    return s->order[n - 1]; /* rounding left the target at the very end, or there was only one */
}

int32_t hg_sampler_next(hg_sampler *s, float *logits)
{
    for (int64_t i = 0; i < s->n_tokens; i++) {
        if (isnan(logits[i]))
            return -1;
    }
    if (s->how.repetition_penalty < 1 || s->how.repetition_penalty > 1)
        sampler_penalise(s, logits);
    int32_t token = s->how.temperature > 0 ? sampler_draw(s, logits) : sampler_largest(s, logits);
    s->seen[token] = 1;
    return token;
}
