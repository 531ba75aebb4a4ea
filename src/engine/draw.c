/* SPDX-License-Identifier: Apache-2.0
 *
 * draw.c: generation: an instruction and an image in, picture codes out, then the picture decoder.
 *
 * Decoding is constrained: only rows of the head that stand for picture codes are computed, and exactly as
 * many steps are made as the picture has codes, so a picture can have neither a wrong length nor a stray
 * token. The reference's unconstrained decoding is there for comparison.
 */
#include "engine/draw_job.h"

#include "base/memory.h"
#include "base/timing.h"
#include "engine/ask_prompt.h"
#include "engine/draw_tasks.h"
#include "image/vq_input.h"

#include <stdio.h>
#include <string.h>

/* Budget of the reference's decoding: codes, line ends and the end token. */
#define REFERENCE_MAX_TOKENS 1100

static const struct draw_task_entry {
    const char *name;
    unsigned bit;
    const char *instruction;
} draw_tasks[HG_DRAW_TASK_COUNT] = {
    [HG_DRAW_TASK_RECONSTRUCT] = {"reconstruct", HG_MANIFEST_RECONSTRUCT, "Reconstruct the image."},
    [HG_DRAW_TASK_SUPER_RESOLUTION] = {"super-resolution", HG_MANIFEST_SUPER_RESOLUTION,
                                       "Increase the resolution of the image."},
    [HG_DRAW_TASK_CT_TO_MRI] = {"ct-to-mri", HG_MANIFEST_CT_TO_MRI, "Convert the CT image to an MRI image."},
    [HG_DRAW_TASK_MRI_TO_CT] = {"mri-to-ct", HG_MANIFEST_MRI_TO_CT, "Convert the MRI image to a CT image."},
    [HG_DRAW_TASK_REPORT_TO_CXR] = {"report-to-cxr", HG_MANIFEST_REPORT_TO_CXR, NULL},
};

const char *hg_draw_task_name(hg_draw_task task)
{
    return (int)task >= 0 && (int)task < HG_DRAW_TASK_COUNT ? draw_tasks[task].name : "unknown";
}

const char *hg_draw_task_instruction(hg_draw_task task)
{
    return draw_tasks[task].instruction;
}

bool hg_draw_task_find(const char *name, hg_draw_task *out)
{
    for (int i = 0; i < HG_DRAW_TASK_COUNT; i++) {
        if (strcmp(name, draw_tasks[i].name) != 0)
            continue;
        *out = (hg_draw_task)i;
        return true;
    }
    return false;
}

unsigned hg_draw_trained_tasks(const hg_manifest *manifest)
{
    /* The released generation plug-in, which declares nothing, was trained to reconstruct and nothing else.
     */
    return manifest->has_tasks ? manifest->tasks : HG_MANIFEST_RECONSTRUCT;
}

bool hg_draw_task_is_trained(const hg_manifest *manifest, hg_draw_task task)
{
    return (hg_draw_trained_tasks(manifest) & draw_tasks[task].bit) != 0;
}

/* Why the model is held not to be trained for the task. */
static hg_status draw_refuse(const hg_manifest *manifest, hg_draw_task task, hg_error *err)
{
    const char *name = draw_tasks[task].name;
    const char *instead = task == HG_DRAW_TASK_REPORT_TO_CXR ? "would draw nothing of meaning"
                                                             : "would return its input instead";
    char trained[200] = "";
    if (!manifest->has_tasks)
        return hg_error_set(
            err, HG_STATUS_TASK,
            "this model cannot do %s: the plug-in does not say what it was trained for, so it "
            "is taken to reconstruct only, and %s",
            name, instead);
    for (int i = 0; i < HG_DRAW_TASK_COUNT; i++) {
        size_t used = strlen(trained);
        if (hg_draw_task_is_trained(manifest, (hg_draw_task)i))
            snprintf(trained + used, sizeof trained - used, "%s%s", used > 0 ? ", " : "", draw_tasks[i].name);
    }
    return hg_error_set(err, HG_STATUS_TASK,
                        "this model cannot do %s: its generation plug-in declares that it was trained for %s "
                        "only, and %s",
                        name, trained[0] != 0 ? trained : "no drawing task", instead);
}

/* *forced is set when only the caller's wish makes the task possible; missing parts cannot be wished for. */
static hg_status draw_check_task(const hg_model *model, const hg_draw_request *request, bool *forced,
                                 hg_error *err)
{
    const hg_source *source = &model->source;
    if (source->missing_for_draw[0] != 0)
        return hg_error_set(err, HG_STATUS_TASK, "this model cannot draw: missing %s",
                            source->missing_for_draw);
    *forced = !hg_draw_task_is_trained(&source->manifest, request->task);
    return !*forced || request->force ? HG_STATUS_OK : draw_refuse(&source->manifest, request->task, err);
}

static hg_status draw_check_request(const hg_model *model, const hg_draw_request *request, bool *forced,
                                    hg_error *err)
{
    if ((int)request->task < 0 || (int)request->task >= HG_DRAW_TASK_COUNT)
        return hg_error_set(err, HG_STATUS_USAGE, "drawing task %d does not exist", (int)request->task);
    hg_status status = draw_check_task(model, request, forced, err);
    if (status != HG_STATUS_OK)
        return status;
    const char *name = draw_tasks[request->task].name;
    bool from_text = request->task == HG_DRAW_TASK_REPORT_TO_CXR;
    if (from_text && request->image != NULL)
        return hg_error_set(err, HG_STATUS_USAGE, "%s draws from a report: it takes no image", name);
    if (!from_text && request->image == NULL)
        return hg_error_set(err, HG_STATUS_USAGE, "%s needs an image", name);
    if (from_text && hg_text_is_blank(request->text))
        return hg_error_set(err, HG_STATUS_USAGE, "%s needs the report as text", name);
    return HG_STATUS_OK;
}

/* HG_STATUS_FAILED when the caller wants no more. */
static hg_status draw_report(const hg_draw_request *request, const char *stage, size_t done, size_t total,
                             hg_error *err)
{
    const hg_progress *p = &request->progress;
    if (p->report == NULL || p->report(p->user, stage, (int64_t)done, (int64_t)total))
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_FAILED, "cancelled");
}

/* Of the picture's codes only rows of the head that stand for codes are computed. */
static hg_status draw_take_code(void *arg, float *logits, int32_t *token, hg_error *err)
{
    hg_draw_job *job = arg;
    hg_draw_result *result = job->result;
    int32_t code;
    hg_status status = hg_session_sample(&job->sampler, logits, &code, err);
    if (status != HG_STATUS_OK)
        return status;
    result->codes[result->n_codes++] = code;
    *token = result->n_codes == job->n_codes ? HG_DECODING_ENDS : job->first + code;
    return draw_report(job->request, "drawing", result->n_codes, job->n_codes, err);
}

/* The reference's way: any token may come; those that are codes are collected until a stop token or the
 * budget. */
static hg_status draw_take_any(void *arg, float *logits, int32_t *token, hg_error *err)
{
    hg_draw_job *job = arg;
    hg_draw_result *result = job->result;
    const hg_session *s = job->decoding.session;
    hg_status status = hg_session_sample(&job->sampler, logits, token, err);
    if (status != HG_STATUS_OK)
        return status;
    if (*token >= job->first && *token < job->first + s->model->weights.vqgan.config.n_embed) {
        if (job->found < job->n_codes)
            result->codes[result->n_codes++] = *token - job->first;
        job->found++;
    }
    if (hg_session_is_stop(s->model, *token) || ++job->made == REFERENCE_MAX_TOKENS ||
        s->cache.length == s->cache.capacity)
        *token = HG_DECODING_ENDS;
    return draw_report(job->request, "drawing", result->n_codes, job->n_codes, err);
}

/* What only the reference's way may leave undone. */
static hg_status draw_check_codes(const hg_draw_job *job, hg_error *err)
{
    if (!job->request->reference || job->found == job->n_codes)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_FAILED,
                        "unconstrained decoding made %zu picture codes, a picture has %zu; without "
                        "--reference the length is right",
                        job->found, job->n_codes);
}

/* Room for a picture's codes, and the choice among them. */
static hg_status draw_prepare(hg_draw_job *job, hg_error *err)
{
    const hg_session *s = job->decoding.session;
    const hg_draw_request *request = job->request;
    if ((int64_t)job->n_codes > s->cache.capacity - s->cache.length)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "the prompt's %lld positions leave no room for a picture's %zu of %lld",
                            (long long)s->cache.length, job->n_codes, (long long)s->cache.capacity);
    job->result->codes = hg_mem_array(job->n_codes, sizeof *job->result->codes);
    if (job->result->codes == NULL)
        return hg_error_memory(err, job->n_codes * sizeof *job->result->codes, "picture codes");
    hg_status status = hg_session_sampler_init(&job->sampler, s->model, &request->sampling,
                                               job->decoding.head.shape[0], err);
    return status == HG_STATUS_OK ? draw_report(request, "drawing", 0, job->n_codes, err) : status;
}

static hg_status draw_picture(hg_session *s, const hg_draw_request *request, hg_draw_result *result,
                              hg_error *err)
{
    hg_status status = draw_report(request, "picture", 0, 1, err);
    if (status != HG_STATUS_OK)
        return status;
    double begin = hg_timing_now();
    status = hg_vq_decode(s, result->codes, result->n_codes, &result->picture, err);
    result->timings.picture = hg_timing_now() - begin;
    return status == HG_STATUS_OK ? draw_report(request, "picture", 1, 1, err) : status;
}

/* Reads the prompt. */
static hg_status draw_prefill(hg_draw_job *job, hg_tensor **hidden, hg_error *err)
{
    hg_session *s = job->decoding.session;
    const hg_draw_request *request = job->request;
    const char *text = request->text != NULL ? request->text : draw_tasks[request->task].instruction;
    const hg_ask_prompt_parts parts = {.images = &request->image,
                                       .n_images = request->image != NULL ? 1 : 0,
                                       .question = text,
                                       .system = request->system,
                                       .draw = true};
    hg_prompt prompt = {0};
    size_t reused;
    hg_status status = hg_ask_prompt_build(&prompt, s->model, &parts, err);
    s->cache.planned = prompt.n_items + (int64_t)job->n_codes;
    if (status == HG_STATUS_OK)
        status = hg_session_prefill(s, HG_TASK_GENERATION, &prompt, &request->progress, &job->result->timings,
                                    &reused, hidden, err);
    job->result->n_prompt_tokens = (size_t)prompt.n_items;
    hg_prompt_deinit(&prompt);
    return status;
}

hg_status hg_draw_job_begin(hg_draw_job *job, hg_session *session, const hg_draw_request *request,
                            hg_draw_result *result, hg_tensor **hidden, hg_error *err)
{
    const hg_model *model = session->model;
    *result = (hg_draw_result){0};
    *job = (hg_draw_job){.decoding = {.session = session, .task = HG_TASK_GENERATION, .job = job},
                         .request = request,
                         .result = result};
    hg_status status = draw_check_request(model, request, &result->forced, err);
    if (status != HG_STATUS_OK)
        return status;
    job->first = (int32_t)model->n_tokens + 1;
    job->n_codes = (size_t)hg_vqgan_n_codes(&model->weights.vqgan);
    const hg_tensor *head = &model->weights.tasks[HG_TASK_GENERATION].head;
    job->decoding.take = request->reference ? draw_take_any : draw_take_code;
    job->decoding.head = request->reference
                             ? *head
                             : hg_tensor_view_rows(head, job->first, model->weights.vqgan.config.n_embed);
    hg_session_begin(session);
    status = draw_prefill(job, hidden, err);
    job->begin = hg_timing_now();
    return status == HG_STATUS_OK ? draw_prepare(job, err) : status;
}

hg_status hg_draw_job_end(hg_draw_job *job, hg_status status, hg_error *err)
{
    hg_session *s = job->decoding.session;
    job->result->timings.decode = hg_timing_now() - job->begin;
    if (status == HG_STATUS_OK)
        status = draw_check_codes(job, err);
    if (status == HG_STATUS_OK)
        status = draw_picture(s, job->request, job->result, err);
    s->cache.planned = 0;
    hg_sampler_deinit(&job->sampler);
    if (status != HG_STATUS_OK)
        hg_draw_result_free(job->result);
    return status;
}

hg_status hg_session_draw(hg_session *session, const hg_draw_request *request, hg_draw_result *result,
                          hg_error *err)
{
    hg_draw_job job;
    hg_tensor *hidden;
    hg_status status = hg_draw_job_begin(&job, session, request, result, &hidden, err);
    if (status == HG_STATUS_OK)
        status = hg_decoding_run(&job.decoding, hidden, err);
    return hg_draw_job_end(&job, status, err);
}

void hg_draw_result_free(hg_draw_result *result)
{
    hg_image_close(result->picture);
    hg_mem_free(result->codes);
    *result = (hg_draw_result){0};
}
