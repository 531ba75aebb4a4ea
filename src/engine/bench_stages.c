/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_stages.c: the stages of asking and drawing, each as the session runs it, with what it reads and how
 * much it computes. Inputs are random numbers: no stage's time depends on what they are.
 */
#include "engine/bench_parts.h"

#include "base/memory.h"
#include "base/rng.h"

typedef struct stage_run {
    hg_bench *bench;
    hg_session *session;
    hg_task task;
    hg_prompt *prompt;
    hg_tensor pixels; /* of the image encoder, or of the picture */
    int64_t layers;
    hg_vqgan_way way;
    int32_t *codes;
} stage_run;

static double count(int64_t n)
{
    return (double)n;
}

/* n numbers in -1..1. */
static hg_status random_pixels(hg_tensor *t, int64_t side, hg_error *err)
{
    *t = hg_tensor_make(HG_DTYPE_REAL, 3, (int64_t[]){3, side, side}, NULL);
    hg_real *x = hg_mem_array((size_t)hg_tensor_count(t), sizeof *x);
    if (x == NULL)
        return hg_error_memory(err, (unsigned long long)hg_tensor_bytes(t), "a picture");
    hg_rng rng;
    hg_rng_init(&rng, 1);
    for (int64_t i = 0; i < hg_tensor_count(t); i++)
        x[i] = (hg_real)(2 * hg_rng_uniform(&rng) - 1);
    t->data = x;
    return HG_STATUS_OK;
}

/* ---- image encoder ---- */

static hg_status clip_run(void *arg, hg_error *err)
{
    stage_run *r = arg;
    hg_session_begin(r->session);
    hg_clip_forward(&r->session->ctx, &r->session->model->weights.clip, &r->pixels, r->layers);
    return hg_ctx_status(&r->session->ctx, err);
}

/* Operations of the patches' embedding, the linear layers and the attention. */
static double clip_operations(const hg_clip_config *c, int64_t layers)
{
    double side = count(c->image_size / c->patch), patches = side * side, tokens = patches + 1;
    double width = count(c->hidden), linear = 4 * width * width + 2 * width * count(c->mlp);
    return 2 * patches * width * 3 * count(c->patch * c->patch) +
           count(layers) * (2 * tokens * linear + 4 * tokens * tokens * width);
}

/* How far bf16 is from f32, at the depth of asking. */
static hg_status clip_compare(stage_run *r, hg_error *err)
{
    hg_clip *clip = &r->session->model->weights.clip;
    hg_bench_report *report = r->bench->report;
    hg_session_begin(r->session);
    const hg_tensor *got = hg_clip_forward(&r->session->ctx, clip, &r->pixels, r->layers);
    clip->bf16 = false;
    const hg_tensor *want = hg_clip_forward(&r->session->ctx, clip, &r->pixels, r->layers);
    clip->bf16 = true;
    if (hg_ctx_failed(&r->session->ctx))
        return hg_ctx_status(&r->session->ctx, err);
    double square = 0, sum = 0, largest = 0, n = count(hg_tensor_count(want));
    for (int64_t i = 0; i < hg_tensor_count(want); i++) {
        double w = (double)hg_tensor_real(want)[i], d = fabs(w - (double)hg_tensor_real(got)[i]);
        square += w * w / n;
        sum += d / n;
        largest = fmax(largest, d);
    }
    report->vision_mean = sum / sqrt(square);
    report->vision_largest = largest / sqrt(square);
    return HG_STATUS_OK;
}

hg_status hg_bench_vision(hg_bench *b, hg_session *s, hg_error *err)
{
    static const char *const stages[HG_TASK_COUNT] = {"image, ask", "image, draw"};
    static const char *const works[HG_TASK_COUNT] = {"CLIP, all layers but one", "CLIP, one layer"};
    const hg_healthgpt *m = &s->model->weights;
    stage_run r = {.bench = b, .session = s};
    hg_status status = random_pixels(&r.pixels, m->clip.config.image_size, err);
    for (int i = 0; i < HG_TASK_COUNT && status == HG_STATUS_OK; i++) {
        if (!m->tasks[i].present || !hg_bench_wants(b, stages[i]))
            continue;
        r.layers = m->tasks[i].clip_layers;
        const hg_bench_label label = {.stage = stages[i],
                                      .work = works[i],
                                      .unit = "ms",
                                      .limit = &b->vision,
                                      .limit_amount = clip_operations(&m->clip.config, r.layers)};
        status = hg_bench_measure(b, &label, &(hg_bench_task){NULL, clip_run, &r}, err);
        if (status == HG_STATUS_OK && i == HG_TASK_COMPREHENSION && m->clip.bf16)
            status = clip_compare(&r, err);
    }
    hg_mem_free(r.pixels.data);
    return status;
}

/* ---- language model ---- */

static double tensor_size(const hg_tensor *t, bool bytes)
{
    return bytes ? (double)hg_tensor_bytes(t) : count(hg_tensor_count(t));
}

double hg_bench_frozen(const hg_healthgpt *m, bool bytes)
{
    double sum = 0;
    for (int64_t layer = 0; layer < m->decoder.config.n_layers; layer++) {
        for (int slot = 0; slot < HG_SLOT_COUNT; slot++) {
            if (hg_slot_exists(&m->decoder.config, (hg_slot)slot))
                sum += tensor_size(&m->decoder.layers[layer].weight[slot], bytes);
        }
    }
    return sum;
}

double hg_bench_plugin(const hg_healthgpt *m, hg_task task, bool bytes)
{
    double sum = 0;
    for (int64_t layer = 0; layer < m->decoder.config.n_layers; layer++) {
        for (int slot = 0; slot < HG_SLOT_COUNT; slot++) {
            if (!hg_slot_exists(&m->decoder.config, (hg_slot)slot))
                continue;
            const hg_hlora *plug = hg_plugin_get(&m->tasks[task].plugin, layer, (hg_slot)slot);
            sum += tensor_size(&plug->a, bytes) + tensor_size(&plug->b, bytes) +
                   tensor_size(&plug->router, bytes);
        }
    }
    return sum;
}

hg_tensor hg_bench_head_rows(const hg_session *s, hg_task task)
{
    const hg_tensor *head = &s->model->weights.tasks[task].head;
    if (task == HG_TASK_COMPREHENSION)
        return *head;
    return hg_tensor_view_rows(head, s->model->n_tokens + 1, s->model->weights.vqgan.config.n_embed);
}

double hg_bench_cached(const hg_bench *b, const hg_kv_cache *cache)
{
    const double positions = count(b->n_prompt) + count(b->n_answer + 1) / 2;
    return positions * 2 * count(cache->n_layers * cache->n_heads) *
           (double)hg_dtype_span(cache->dtype, cache->head_dim);
}

hg_status hg_bench_prompt(const hg_bench *b, const hg_session *s, hg_prompt *prompt, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (int64_t i = 0; i < b->n_prompt && status == HG_STATUS_OK; i++)
        status = hg_prompt_push_token(prompt, (int32_t)(3 + i * 7919 % (s->model->n_tokens - 20)), err);
    return status;
}

static hg_status prefill_before(void *arg, hg_error *err)
{
    (void)err;
    stage_run *r = arg;
    hg_session_begin(r->session);
    hg_prompt_truncate(&r->session->known, 0);
    r->session->cache.length = 0;
    return HG_STATUS_OK;
}

static hg_status prefill_run(void *arg, hg_error *err)
{
    stage_run *r = arg;
    hg_timings timings = {0};
    hg_tensor *hidden;
    size_t reused;
    return hg_session_prefill(r->session, r->task, r->prompt, &(hg_progress){0}, &timings, &reused, &hidden,
                              err);
}

/* Back to the end of the prompt. */
static hg_status decode_before(void *arg, hg_error *err)
{
    (void)err;
    stage_run *r = arg;
    hg_prompt_truncate(&r->session->known, r->prompt->n_items);
    r->session->cache.length = r->prompt->n_items;
    return HG_STATUS_OK;
}

static hg_status decode_run(void *arg, hg_error *err)
{
    stage_run *r = arg;
    hg_tensor rows = hg_bench_head_rows(r->session, r->task);
    for (int64_t i = 0; i < r->bench->n_answer; i++) {
        hg_tensor *hidden;
        hg_status status = hg_session_step(r->session, r->task, (int32_t)(i + 3), &hidden, err);
        if (status != HG_STATUS_OK)
            return status;
        hg_decoder_logits(&r->session->ctx, &r->session->model->weights.decoder, &rows, hidden);
        if (hg_ctx_failed(&r->session->ctx))
            return hg_ctx_status(&r->session->ctx, err);
    }
    return HG_STATUS_OK;
}

static const char *const prefill_stages[HG_TASK_COUNT] = {"prefill, ask", "prefill, draw"};

/* Leaves the prompt in the cache, measured or not. */
static hg_status measure_prefill(stage_run *r, hg_error *err)
{
    hg_bench *b = r->bench;
    if (!hg_bench_wants(b, prefill_stages[r->task])) {
        hg_status status = prefill_before(r, err);
        return status == HG_STATUS_OK ? prefill_run(r, err) : status;
    }
    const hg_healthgpt *m = &r->session->model->weights;
    const hg_decoder_config *c = &m->decoder.config;
    double t = count(b->n_prompt), attended = count(c->n_heads) * count(c->head_dim) * count(c->n_layers);
    double operations = 2 * t * (hg_bench_frozen(m, false) + hg_bench_plugin(m, r->task, false)) +
                        4 * t * (t + 1) / 2 * attended;
    const hg_bench_label label = {.stage = prefill_stages[r->task],
                                  .work = "prompt of text",
                                  .unit = "tok/s",
                                  .amount = t,
                                  .limit = b->bf16.speed > b->f32.speed ? &b->bf16 : &b->f32,
                                  .limit_amount = operations};
    return hg_bench_measure(b, &label, &(hg_bench_task){prefill_before, prefill_run, r}, err);
}

static const char *const decode_stages[HG_TASK_COUNT] = {"decode, ask", "decode, draw"};

static hg_status measure_decode(stage_run *r, hg_error *err)
{
    hg_bench *b = r->bench;
    const hg_healthgpt *m = &r->session->model->weights;
    const hg_tensor rows = hg_bench_head_rows(r->session, r->task);
    const double bytes = hg_bench_frozen(m, true) + hg_bench_plugin(m, r->task, true) +
                         (double)hg_tensor_bytes(&rows) + hg_bench_cached(b, &r->session->cache);
    const hg_bench_label label = {.stage = decode_stages[r->task],
                                  .work = "behind the prompt",
                                  .unit = "tok/s",
                                  .amount = count(b->n_answer),
                                  .limit = &b->bandwidth,
                                  .limit_amount = count(b->n_answer) * bytes};
    return hg_bench_measure(b, &label, &(hg_bench_task){decode_before, decode_run, r}, err);
}

hg_status hg_bench_language(hg_bench *b, hg_session *s, hg_task task, hg_error *err)
{
    const bool decode = hg_bench_wants(b, decode_stages[task]);
    if (!s->model->weights.tasks[task].present || (!decode && !hg_bench_wants(b, prefill_stages[task])))
        return HG_STATUS_OK;
    hg_prompt prompt = {0};
    stage_run r = {.bench = b, .session = s, .task = task, .prompt = &prompt};
    hg_status status = hg_bench_prompt(b, s, &prompt, err);
    if (status == HG_STATUS_OK)
        status = measure_prefill(&r, err);
    if (status == HG_STATUS_OK && decode)
        status = measure_decode(&r, err);
    hg_prompt_deinit(&prompt);
    return status;
}

/* ---- picture ---- */

static hg_status picture_decode(void *arg, hg_error *err)
{
    stage_run *r = arg;
    hg_session_begin(r->session);
    hg_healthgpt_draw(&r->session->ctx, &r->session->model->weights, r->codes);
    return hg_ctx_status(&r->session->ctx, err);
}

static hg_status picture_encode(void *arg, hg_error *err)
{
    stage_run *r = arg;
    hg_session_begin(r->session);
    hg_healthgpt_encode(&r->session->ctx, &r->session->model->weights, &r->pixels, r->codes);
    return hg_ctx_status(&r->session->ctx, err);
}

/* Every convolution of one way once: the limit of the stage behind. */
static hg_status picture_convolutions(void *arg, hg_error *err)
{
    stage_run *r = arg;
    hg_session_begin(r->session);
    hg_vqgan_maps_run_alone(&r->session->ctx, r->session->model->weights.maps[r->way]);
    return hg_ctx_status(&r->session->ctx, err);
}

static hg_status measure_picture(stage_run *r, hg_error *err)
{
    static const char *const stages[2][2] = {{"convolutions, decode", "picture from codes"},
                                             {"convolutions, encode", "picture to codes"}};
    if (!hg_bench_wants(r->bench, stages[r->way][1]))
        return HG_STATUS_OK;
    hg_bench_label whole = {.stage = stages[r->way][1],
                            .work = r->way == HG_VQGAN_DECODE ? "VQGAN decoder" : "VQGAN encoder",
                            .unit = "ms"};
    const hg_bench_task task = {NULL, r->way == HG_VQGAN_DECODE ? picture_decode : picture_encode, r};
    if (r->session->model->weights.maps[r->way] != NULL) {
        bool bf16 = r->way == HG_VQGAN_DECODE && r->session->model->weights.clip.bf16;
        const hg_bench_label alone = {
            .stage = stages[r->way][0], .work = bf16 ? "each once, bf16" : "each once, f32", .unit = "ms"};
        r->bench->convolutions =
            (hg_bench_yardstick){.stage = alone.stage, .task = {NULL, picture_convolutions, r}, .amount = 1};
        hg_status status = hg_bench_measure(r->bench, &alone, &r->bench->convolutions.task, err);
        if (status != HG_STATUS_OK)
            return status;
        whole.limit = &r->bench->convolutions;
        whole.limit_amount = 1;
    }
    return hg_bench_measure(r->bench, &whole, &task, err);
}

hg_status hg_bench_picture(hg_bench *b, hg_session *s, hg_error *err)
{
    hg_vqgan *vq = &s->model->weights.vqgan;
    if (!s->model->weights.tasks[HG_TASK_GENERATION].present)
        return HG_STATUS_OK;
    stage_run r = {.bench = b, .session = s};
    int64_t n = hg_vqgan_n_codes(vq);
    r.codes = hg_mem_array((size_t)n, sizeof *r.codes);
    if (r.codes == NULL)
        return hg_error_memory(err, (unsigned long long)n * sizeof *r.codes, "picture codes");
    for (int64_t i = 0; i < n; i++)
        r.codes[i] = (int32_t)(i * 7919 % vq->config.n_embed);
    hg_status status = random_pixels(&r.pixels, vq->config.resolution, err);
    for (int way = 0; way < 2 && status == HG_STATUS_OK; way++) {
        r.way = (hg_vqgan_way)way;
        status = measure_picture(&r, err);
    }
    hg_mem_free(r.pixels.data);
    hg_mem_free(r.codes);
    return status;
}
