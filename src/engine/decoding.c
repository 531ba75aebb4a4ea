/* SPDX-License-Identifier: Apache-2.0
 *
 * decoding.c: several go on in rounds. In a round each chooses, those that have come to their end are left
 * out, and one step of the decoder appends a token to each of the rest. The last one goes on alone: a layer
 * of one row is faster for itself.
 */
#include "engine/decoding.h"

#include <string.h>

#define TOGETHER_ARENA_BLOCK ((size_t)16 << 20)
#define TOGETHER_ARENA_MAX ((size_t)1 << 30)

hg_status hg_decoding_run(const hg_decoding *d, hg_tensor *hidden, hg_error *err)
{
    hg_session *s = d->session;
    hg_tensor head = d->head;
    for (;;) {
        hg_tensor *logits = hg_decoder_logits(&s->ctx, &s->model->weights.decoder, &head, hidden);
        if (logits == NULL)
            return hg_ctx_status(&s->ctx, err);
        int32_t token;
        hg_status status = d->take(d->job, hg_tensor_real(logits), &token, err);
        if (status != HG_STATUS_OK || token == HG_DECODING_ENDS)
            return status;
        status = hg_session_step(s, d->task, token, &hidden, err);
        if (status != HG_STATUS_OK)
            return status;
    }
}

/* Those that go on, in the order of their rows: tasks together, whose weights are then read once. */
typedef struct together {
    hg_model *model;
    hg_arena arena;
    hg_ctx ctx;
    int n;
    hg_decoding_one *row[HG_DECODER_TEXTS];
    int32_t token[HG_DECODER_TEXTS]; /* to be appended */
    hg_tensor *hidden;               /* (n, H) */
} together;

/* All of them: it cannot be told what is in which cache. */
static void together_fail(together *t)
{
    for (int i = 0; i < t->n; i++) {
        hg_session *s = t->row[i]->decoding->session;
        s->cache.length = 0;
        hg_prompt_truncate(&s->known, 0);
        t->row[i]->status = hg_ctx_status(&t->ctx, &t->row[i]->why);
    }
    t->n = 0;
}

static bool together_same_head(const hg_decoding *a, const hg_decoding *b)
{
    return a->task == b->task && a->head.data == b->head.data && a->head.shape[0] == b->head.shape[0];
}

/* Rows of one head choose. */
static void together_choose_rows(together *t, int begin, int end)
{
    hg_tensor head = t->row[begin]->decoding->head;
    hg_tensor *hidden = hg_ctx_view(&t->ctx, hg_tensor_view_rows(t->hidden, begin, end - begin));
    const hg_tensor *logits = hg_decoder_logits(&t->ctx, &t->model->weights.decoder, &head, hidden);
    for (int i = begin; i < end && logits != NULL; i++) {
        const hg_decoding *d = t->row[i]->decoding;
        t->row[i]->status = d->take(d->job, hg_tensor_real(logits) + (i - begin) * logits->shape[1],
                                    &t->token[i], &t->row[i]->why);
    }
}

/* Every row chooses; the rows of those that have come to an end go. */
static void together_choose(together *t)
{
    for (int begin = 0, end; begin < t->n; begin = end) {
        end = begin + 1;
        while (end < t->n && together_same_head(t->row[begin]->decoding, t->row[end]->decoding))
            end++;
        together_choose_rows(t, begin, end);
    }
    if (hg_ctx_failed(&t->ctx)) {
        together_fail(t);
        return;
    }
    int left = 0;
    for (int i = 0; i < t->n; i++) {
        if (t->row[i]->status != HG_STATUS_OK || t->token[i] == HG_DECODING_ENDS)
            continue;
        t->row[left] = t->row[i];
        t->token[left++] = t->token[i];
    }
    t->n = left;
}

/* Makes step memory empty and room for a row of each. */
static hg_tensor *together_rows(together *t)
{
    hg_arena_reset(&t->arena, (hg_arena_mark){0});
    return hg_ctx_tensor(&t->ctx, 2, (int64_t[]){t->n, t->model->weights.decoder.config.hidden}, false);
}

static void together_put(const hg_tensor *rows, int i, const hg_tensor *row)
{
    const int64_t hidden = rows->shape[1];
    memcpy(hg_tensor_real(rows) + i * hidden, hg_tensor_real(row), (size_t)hidden * sizeof(hg_real));
}

/* Appends each one's token. */
static void together_step(together *t)
{
    hg_decoder_text texts[HG_DECODER_TEXTS];
    hg_tensor *x = together_rows(t);
    for (int i = 0; i < t->n && !hg_ctx_failed(&t->ctx); i++) {
        const hg_decoding *d = t->row[i]->decoding;
        hg_task_parts *parts = &t->model->weights.tasks[d->task];
        texts[i] = (hg_decoder_text){&parts->plugin, &d->session->cache};
        hg_error err;
        const hg_tensor *row = hg_op_embedding(&t->ctx, &parts->embed, &t->token[i], 1);
        if (hg_prompt_push_token(&d->session->known, t->token[i], &err) != HG_STATUS_OK)
            (void)hg_ctx_fail(&t->ctx, err.code, "%s", err.text);
        if (!hg_ctx_failed(&t->ctx))
            together_put(x, i, row);
    }
    t->hidden = hg_decoder_forward_texts(&t->ctx, &t->model->weights.decoder, texts, x);
    if (hg_ctx_failed(&t->ctx))
        together_fail(t);
}

/* The only one that is left. */
static void together_finish_alone(together *t)
{
    hg_decoding_one *one = t->row[0];
    const hg_decoding *d = one->decoding;
    hg_tensor *hidden;
    one->status = hg_session_step(d->session, d->task, t->token[0], &hidden, &one->why);
    if (one->status == HG_STATUS_OK)
        one->status = hg_decoding_run(d, hidden, &one->why);
    t->n = 0;
}

static void together_begin(together *t, hg_decoding_one *const *all, int n)
{
    *t = (together){.model = all[0]->decoding->session->model};
    hg_arena_init_apart(&t->arena, TOGETHER_ARENA_BLOCK, TOGETHER_ARENA_MAX);
    hg_ctx_init(&t->ctx, &t->arena, t->model->kernels, t->model->n_threads);
    for (int task = 0; task < HG_TASK_COUNT; task++) {
        for (int i = 0; i < n; i++) {
            if (all[i]->decoding->task == (hg_task)task)
                t->row[t->n++] = all[i];
        }
    }
    t->hidden = together_rows(t);
    for (int i = 0; i < t->n && !hg_ctx_failed(&t->ctx); i++)
        together_put(t->hidden, i, t->row[i]->hidden);
    if (hg_ctx_failed(&t->ctx))
        together_fail(t);
}

void hg_decoding_run_together(hg_decoding_one *const *all, int n)
{
    together t;
    if (n == 0)
        return;
    together_begin(&t, all, n);
    while (t.n > 0) {
        together_choose(&t);
        if (t.n == 1)
            together_finish_alone(&t);
        else if (t.n > 1)
            together_step(&t);
    }
    hg_arena_deinit(&t.arena);
}
