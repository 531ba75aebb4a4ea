/* SPDX-License-Identifier: Apache-2.0
 *
 * sample_maker.c: ids and labels side by side first, then, when the length is known to fit, the images.
 *
 * The loss is on what the model says: in a conversation the tokens behind each assistant's role up to and
 * with the end token, in a drawing the codes and <end_index> (<start_index> is given to the model), in plain
 * form everything behind the image. The softmax of comprehension is over the tokenizer's tokens.
 */
#include "train/sample_maker.h"

#include "base/memory.h"
#include "engine/ask_prompt.h"
#include "engine/draw_tasks.h"
#include "train/stage.h"

#include <string.h>

#define MAKER_MAX_IDS ((size_t)1 << 22)

/* A sample in the making. */
typedef struct maker_job {
    const hg_sample_maker *maker;
    const hg_llava_item *item;
    hg_ids ids;      /* HG_CHAT_IMAGE_ID for an image */
    uint8_t *spoken; /* (ids.n): the model should say this token itself */
    size_t capacity;
} maker_job;

static hg_status too_large(hg_error *err, size_t n)
{
    return hg_error_memory(err, n, "a sample");
}

/* Appends ids, all of them the model's own or not. */
static hg_status push_ids(maker_job *job, const int32_t *ids, size_t n, bool spoken, hg_error *err)
{
    if (job->ids.n + n > job->capacity) {
        size_t capacity = 2 * (job->ids.n + n);
        uint8_t *flags = hg_mem_resize(job->spoken, capacity, 1);
        if (flags == NULL)
            return too_large(err, capacity);
        job->spoken = flags;
        job->capacity = capacity;
    }
    for (size_t i = 0; i < n; i++) {
        job->spoken[job->ids.n] = spoken;
        if (!hg_ids_push(&job->ids, ids[i]))
            return too_large(err, n);
    }
    return HG_STATUS_OK;
}

/* ---- comprehension, the model's template ---- */

static int32_t end_token(const hg_model *model)
{
    return hg_tokenizer_find_id(model->source.tokenizer,
                                model->source.chat == HG_CHAT_KIND_PHI3 ? "<|end|>" : "<|im_end|>");
}

/* Ids of the first `n_turns` turns, which end with the user's, as the engine would read them. */
static hg_status encode_turns(const maker_job *job, const hg_chat_turn *turns, size_t n_turns, bool draw,
                              hg_ids *out, hg_error *err)
{
    const hg_source *source = &job->maker->model->source;
    const char *system = source->manifest.has_system_prompt ? source->manifest.system_prompt : NULL;
    hg_chat_prompt text = {0};
    out->n = 0;
    hg_status status =
        hg_chat_prompt_build(&text, source->chat, system, turns, n_turns, job->item->n_images, draw, err);
    if (status == HG_STATUS_OK)
        status = hg_prompt_encode(source->tokenizer, &text, out, err);
    hg_chat_prompt_deinit(&text);
    return status;
}

/* Marks the answer that begins where the prompt of its question ends: it goes up to the next end token. */
static hg_status mark_answer(const hg_ids *all, const hg_ids *prompt, int32_t end_id, uint8_t *spoken,
                             size_t *end, hg_error *err)
{
    size_t i = prompt->n;
    if (all->n < prompt->n || memcmp(all->data, prompt->data, prompt->n * sizeof *all->data) != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "an answer's first token runs into its question");
    for (; i < all->n && all->data[i] != end_id; i++)
        spoken[i] = 1;
    if (i == all->n)
        return hg_error_set(err, HG_STATUS_INPUT, "an answer without its end token");
    spoken[i] = 1;
    *end = i + 1;
    return HG_STATUS_OK;
}

static hg_status mark_answers(maker_job *job, const hg_chat_turn *turns, const hg_ids *all, hg_error *err)
{
    hg_ids prompt;
    hg_ids_init(&prompt, MAKER_MAX_IDS);
    uint8_t *spoken = hg_mem_array(all->n + 1, 1);
    size_t end = 0;
    hg_status status = spoken == NULL ? too_large(err, all->n) : HG_STATUS_OK;
    for (size_t k = 0; k < job->item->n_turns && status == HG_STATUS_OK; k++) {
        status = encode_turns(job, turns, 2 * k + 1, false, &prompt, err);
        if (status == HG_STATUS_OK)
            status = mark_answer(all, &prompt, end_token(job->maker->model), spoken, &end, err);
    }
    for (size_t i = 0; i < end && status == HG_STATUS_OK; i++)
        status = push_ids(job, &all->data[i], 1, spoken[i], err);
    hg_mem_free(spoken);
    hg_ids_deinit(&prompt);
    return status;
}

/* The whole conversation is tokenised at once, as a later question about it would be; the empty turn at its
 * end closes the last answer, and what stands behind that is dropped. */
static hg_status make_conversation(maker_job *job, hg_error *err)
{
    size_t n = job->item->n_turns;
    hg_ids all;
    hg_ids_init(&all, MAKER_MAX_IDS);
    hg_chat_turn *turns = hg_mem_array(2 * n + 1, sizeof *turns);
    hg_status status = turns == NULL ? too_large(err, n * sizeof *turns) : HG_STATUS_OK;
    for (size_t i = 0; i < n && turns != NULL; i++) {
        turns[2 * i] = (hg_chat_turn){HG_CHAT_ROLE_USER, job->item->turns[i].question};
        turns[2 * i + 1] = (hg_chat_turn){HG_CHAT_ROLE_ASSISTANT, job->item->turns[i].answer};
    }
    if (status == HG_STATUS_OK) {
        turns[2 * n] = (hg_chat_turn){HG_CHAT_ROLE_USER, NULL};
        status = encode_turns(job, turns, 2 * n + 1, false, &all, err);
    }
    if (status == HG_STATUS_OK)
        status = mark_answers(job, turns, &all, err);
    hg_mem_free(turns);
    hg_ids_deinit(&all);
    return status;
}

/* ---- plain form ---- */

/* The images, then the text of the answers and a newline (LLaVA's alignment form); without text the images
 * alone. */
static hg_status make_plain(maker_job *job, bool text, hg_error *err)
{
    hg_chat_piece pieces[HG_LLAVA_MAX_IMAGES + 2];
    size_t n = 0;
    for (size_t i = 0; i < job->item->n_images; i++)
        pieces[n++] = (hg_chat_piece){.image = true};
    const char *answer = job->item->turns[0].answer;
    if (text) {
        pieces[n++] = (hg_chat_piece){{answer, strlen(answer), true}, false};
        pieces[n++] = (hg_chat_piece){{"\n", 1, false}, false};
    }
    hg_chat_prompt prompt = {pieces, n, n};
    hg_ids ids;
    hg_ids_init(&ids, MAKER_MAX_IDS);
    hg_status status = hg_prompt_encode(job->maker->model->source.tokenizer, &prompt, &ids, err);
    bool behind = job->item->n_images == 0;
    for (size_t i = 0, images = 0; i < ids.n && status == HG_STATUS_OK; i++) {
        status = push_ids(job, &ids.data[i], 1, behind && i > 0, err);
        images += ids.data[i] == HG_CHAT_IMAGE_ID;
        behind = images == job->item->n_images;
    }
    hg_ids_deinit(&ids);
    return status;
}

/* ---- generation ---- */

static hg_status check_codes(const maker_job *job, hg_error *err)
{
    const hg_vqgan *vq = &job->maker->model->weights.vqgan;
    if ((int64_t)job->item->n_codes != hg_vqgan_n_codes(vq))
        return hg_error_set(err, HG_STATUS_INPUT, "%zu picture codes, a picture has %lld", job->item->n_codes,
                            (long long)hg_vqgan_n_codes(vq));
    for (size_t i = 0; i < job->item->n_codes; i++) {
        if (job->item->codes[i] >= vq->config.n_embed)
            return hg_error_set(err, HG_STATUS_INPUT, "picture code %d, they run from 0 to %lld",
                                job->item->codes[i], (long long)vq->config.n_embed - 1);
    }
    return HG_STATUS_OK;
}

/* The item's codes, or those of the picture `target`, as token ids with <end_index> behind them. */
static hg_status push_codes(maker_job *job, const char *target, hg_error *err)
{
    const hg_vqgan *vq = &job->maker->model->weights.vqgan;
    size_t n = (size_t)hg_vqgan_n_codes(vq);
    int32_t first = (int32_t)job->maker->model->n_tokens + 1;
    int32_t *codes = hg_mem_array(n + 1, sizeof *codes);
    if (codes == NULL)
        return too_large(err, n * sizeof *codes);
    hg_status status = HG_STATUS_OK;
    if (target != NULL)
        status = hg_code_cache_get(job->maker->codes, job->maker->ctx, target, codes, err);
    else if ((status = check_codes(job, err)) == HG_STATUS_OK)
        memcpy(codes, job->item->codes, n * sizeof *codes);
    for (size_t i = 0; i < n; i++)
        codes[i] += first;
    codes[n] = first + (int32_t)vq->config.n_embed;
    if (status == HG_STATUS_OK)
        status = push_ids(job, codes, n + 1, true, err);
    hg_mem_free(codes);
    return status;
}

static hg_status make_drawing(maker_job *job, hg_error *err)
{
    const hg_llava_item *item = job->item;
    bool own = !item->draws; /* an item for captions, recast: the picture is its own answer */
    const char *question = own ? hg_draw_task_instruction(HG_DRAW_TASK_RECONSTRUCT) : item->turns[0].question;
    const char *target = own ? item->images[0] : item->target_image;
    hg_status status;
    if (job->maker->settings->form == HG_TRAIN_FORM_PLAIN) {
        int32_t start = (int32_t)job->maker->model->n_tokens;
        status = make_plain(job, false, err);
        if (status == HG_STATUS_OK) {
            memset(job->spoken, 0, job->ids.n);
            status = push_ids(job, &start, 1, false, err);
        }
    } else {
        hg_ids ids;
        hg_ids_init(&ids, MAKER_MAX_IDS);
        hg_chat_turn turn = {HG_CHAT_ROLE_USER, question};
        status = encode_turns(job, &turn, 1, true, &ids, err);
        if (status == HG_STATUS_OK)
            status = push_ids(job, ids.data, ids.n, false, err);
        hg_ids_deinit(&ids);
    }
    return status == HG_STATUS_OK ? push_codes(job, target, err) : status;
}

/* ---- ids to positions ---- */

/* How many ids may be kept: all, or fewer, when an answer's end may be cut. 0: it cannot be done. */
static size_t count_kept(const maker_job *job, int64_t limit, bool may_cut)
{
    int64_t patches = hg_clip_n_patches(&job->maker->model->weights.clip), n = 0;
    size_t spoken = 0, i = 0;
    for (; i < job->ids.n; i++) {
        bool image = job->ids.data[i] == HG_CHAT_IMAGE_ID;
        n += image ? patches : 1;
        if (n > limit) {
            if (image || !may_cut || spoken == 0)
                return 0;
            break;
        }
        spoken += job->spoken[i];
    }
    for (size_t rest = i; rest < job->ids.n; rest++) {
        if (job->ids.data[rest] == HG_CHAT_IMAGE_ID)
            return 0;
    }
    return i;
}

static hg_status push_image(const maker_job *job, hg_train_sample *sample, const char *path, hg_error *err)
{
    const hg_sample_maker *maker = job->maker;
    const hg_image_ahead_item *ahead = maker->ahead == NULL ? NULL : hg_image_ahead_find(maker->ahead, path);
    if (ahead != NULL && ahead->status == HG_STATUS_OK)
        return hg_ask_prompt_push_prepared(&sample->prompt, maker->model,
                                           hg_image_ahead_samples(maker->ahead, ahead), err);
    if (ahead != NULL) {
        if (err != NULL)
            *err = ahead->why;
        return ahead->status;
    }
    hg_image *image = NULL;
    hg_status status = hg_image_open(&image, path, err);
    if (status == HG_STATUS_OK)
        status = hg_ask_prompt_push_image(&sample->prompt, maker->model, image, err);
    hg_image_close(image);
    return status;
}

static hg_status push_positions(const maker_job *job, size_t n, hg_train_sample *sample, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    size_t images = 0;
    for (size_t i = 0; i < n && status == HG_STATUS_OK; i++) {
        if (job->ids.data[i] == HG_CHAT_IMAGE_ID)
            status = push_image(job, sample, job->item->images[images++], err);
        else
            status = hg_prompt_push_token(&sample->prompt, job->ids.data[i], err);
    }
    if (status != HG_STATUS_OK)
        return status;
    int64_t n_items = sample->prompt.n_items;
    sample->labels = hg_mem_array((size_t)n_items, sizeof *sample->labels);
    if (sample->labels == NULL)
        return too_large(err, (size_t)n_items * sizeof *sample->labels);
    for (int64_t i = 0; i < n_items; i++)
        sample->labels[i] = -1;
    int64_t patches = hg_clip_n_patches(&job->maker->model->weights.clip), at = 0;
    for (size_t i = 0; i < n; i++) {
        if (job->spoken[i] && at > 0) {
            sample->labels[at - 1] = job->ids.data[i];
            sample->n_labels++;
        }
        at += job->ids.data[i] == HG_CHAT_IMAGE_ID ? patches : 1;
    }
    return HG_STATUS_OK;
}

static hg_status make_positions(const maker_job *job, hg_train_sample *sample, hg_error *err)
{
    const hg_train_settings *settings = job->maker->settings;
    int64_t limit = hg_session_max_positions(job->maker->model);
    limit = settings->max_length < limit ? settings->max_length : limit;
    size_t n = count_kept(job, limit, settings->cut && sample->task == HG_TASK_COMPREHENSION);
    if (n == 0)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "too long: %zu tokens and %zu images, the limit is %lld positions",
                            job->ids.n - job->item->n_images, job->item->n_images, (long long)limit);
    sample->was_cut = n < job->ids.n;
    return push_positions(job, n, sample, err);
}

/* ---- an item ---- */

/* Whether the stage trains on such an item, and as which task. */
static hg_status choose_task(const maker_job *job, hg_task *task, hg_error *err)
{
    const hg_stage *stage = hg_stage_get(job->maker->settings->stage);
    bool draws = job->item->draws;
    *task = draws ? HG_TASK_GENERATION : HG_TASK_COMPREHENSION;
    if (draws ? stage->draws : stage->asks)
        return HG_STATUS_OK;
    if (draws)
        return hg_error_set(err, HG_STATUS_INPUT, "a drawing, but the stage is for answers");
    *task = HG_TASK_GENERATION;
    if (stage->retells && job->item->n_images == 1)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_INPUT, "no picture to draw (target_image, or codes as the answer)");
}

static hg_status make_item(maker_job *job, hg_train_sample *sample, hg_error *err)
{
    hg_status status = choose_task(job, &sample->task, err);
    if (status != HG_STATUS_OK)
        return status;
    if (sample->task == HG_TASK_GENERATION)
        status = make_drawing(job, err);
    else if (job->maker->settings->form == HG_TRAIN_FORM_PLAIN)
        status = make_plain(job, true, err);
    else
        status = make_conversation(job, err);
    return status == HG_STATUS_OK ? make_positions(job, sample, err) : status;
}

/* ---- pictures ahead ---- */

hg_status hg_sample_expect(const hg_sample_maker *maker, size_t index, hg_error *err)
{
    hg_llava_item item;
    hg_task task;
    if (maker->ahead == NULL || hg_llava_read(maker->set, index, &item, NULL) != HG_STATUS_OK)
        return HG_STATUS_OK;
    const maker_job job = {.maker = maker, .item = &item};
    hg_status status = HG_STATUS_OK;
    bool wanted = choose_task(&job, &task, NULL) == HG_STATUS_OK;
    for (size_t i = 0; wanted && i < item.n_images && status == HG_STATUS_OK; i++) {
        if (hg_image_ahead_find(maker->ahead, item.images[i]) == NULL)
            status = hg_image_ahead_push(maker->ahead, item.images[i], err);
    }
    hg_llava_item_deinit(&item);
    return status;
}

static hg_status prepare_image(const void *user, const hg_image *image, uint8_t *out, hg_error *err)
{
    return hg_ask_prompt_prepare_image(user, image, out, err);
}

hg_status hg_sample_read_expected(const hg_sample_maker *maker, hg_error *err)
{
    return maker->ahead == NULL ? HG_STATUS_OK
                                : hg_image_ahead_read(maker->ahead, prepare_image, maker->model, err);
}

hg_status hg_sample_make(const hg_sample_maker *maker, size_t index, hg_train_sample *sample, hg_error *err)
{
    *sample = (hg_train_sample){0};
    hg_llava_item item;
    hg_status status = hg_llava_read(maker->set, index, &item, err);
    if (status != HG_STATUS_OK)
        return status;
    maker_job job = {.maker = maker, .item = &item};
    hg_ids_init(&job.ids, MAKER_MAX_IDS);
    status = make_item(&job, sample, err);
    if (status != HG_STATUS_OK) {
        hg_train_sample_deinit(sample);
        hg_error_prefix(err, status, "%s:%lld: item %zu", hg_llava_path(maker->set), (long long)item.line,
                        index + 1);
    }
    hg_ids_deinit(&job.ids);
    hg_mem_free(job.spoken);
    hg_llava_item_deinit(&item);
    return status;
}
