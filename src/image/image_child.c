/* SPDX-License-Identifier: Apache-2.0
 *
 * image_child.c: decoding in a confined child. The child sends back a small head and the samples of each
 * picture; the parent believes neither and checks both like a file's, because a broken decoder may have
 * written anything.
 */
#include "image/image_child.h"
#include "image/sandbox.h"

#include "base/memory.h"

#include <string.h>

/* A result is the number of pictures and of heads, then each head with its samples, all at multiples of 64.
 */
typedef struct child_head {
    uint64_t n_bytes; /* of samples; 0 of a picture that was only described */
    int32_t width;
    int32_t height;
    int32_t channels;
    int32_t bits;
    int32_t orientation;
    int32_t synthetic;
    hg_image_source source;
} child_head;

#define CHILD_ROUND(n) (((n) + 63) / 64 * 64)
#define CHILD_HEAD_BYTES CHILD_ROUND(sizeof(child_head))
#define CHILD_COUNT_BYTES 64

typedef struct child_job {
    const hg_image_format *format;
    const hg_image_file *bytes;
    hg_image_request request;
} child_job;

static hg_status child_give(hg_sandbox_out *out, const hg_image *images, size_t n_pictures, bool described,
                            hg_error *err)
{
    size_t n = described ? 1 : n_pictures;
    size_t total = CHILD_COUNT_BYTES;
    for (size_t i = 0; i < n; i++)
        total += CHILD_HEAD_BYTES + CHILD_ROUND(hg_image_bytes(&images[i]));
    uint8_t *to = hg_sandbox_reserve(out, total, err);
    if (to == NULL)
        return HG_STATUS_INPUT;
    const uint64_t counts[2] = {n_pictures, n};
    memcpy(to, counts, sizeof counts);
    to += CHILD_COUNT_BYTES;
    for (size_t i = 0; i < n; i++) {
        const hg_image *image = &images[i];
        const child_head head = {.n_bytes = hg_image_bytes(image),
                                 .width = image->width,
                                 .height = image->height,
                                 .channels = image->channels,
                                 .bits = image->bits,
                                 .orientation = image->orientation,
                                 .synthetic = image->synthetic,
                                 .source = image->source};
        memcpy(to, &head, sizeof head);
        to += CHILD_HEAD_BYTES;
        if (head.n_bytes > 0)
            memcpy(to, image->samples, head.n_bytes);
        to += CHILD_ROUND(head.n_bytes);
    }
    return HG_STATUS_OK;
}

static hg_status child_work(void *arg, hg_sandbox_out *out, hg_error *err)
{
    const child_job *job = arg;
    size_t n = 0;
    hg_image *images = hg_mem_array(job->request.wanted, sizeof *images);
    if (images == NULL)
        return hg_error_memory(err, job->request.wanted * sizeof *images, "pictures");
    for (size_t i = 0; i < job->request.wanted; i++)
        hg_image_init(&images[i]);
    hg_status status = hg_image_decode_all(images, &n, job->format, job->bytes, &job->request, err);
    if (status == HG_STATUS_OK)
        status = child_give(out, images, n, job->request.describe, err);
    for (size_t i = 0; i < job->request.wanted; i++)
        hg_image_deinit(&images[i]);
    hg_mem_free(images);
    return status;
}

void hg_image_clean_text(char *text, size_t n)
{
    text[n - 1] = 0;
    for (char *p = text; *p != 0; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
}

static void child_clean_source(hg_image_source *source)
{
    hg_image_clean_text(source->modality, sizeof source->modality);
    hg_image_clean_text(source->photometric, sizeof source->photometric);
    hg_image_clean_text(source->transfer_syntax, sizeof source->transfer_syntax);
    hg_image_clean_text(source->orientation, sizeof source->orientation);
    hg_image_clean_text(source->window.name, sizeof source->window.name);
    hg_image_clean_text(source->note, sizeof source->note);
    hg_image_clean_text(source->series_uid, sizeof source->series_uid);
    hg_image_clean_text(source->instance_uid, sizeof source->instance_uid);
    if (source->n_windows < 0 || source->n_windows > HG_IMAGE_MAX_WINDOWS)
        source->n_windows = 0;
    for (int i = 0; i < HG_IMAGE_MAX_WINDOWS; i++)
        hg_image_clean_text(source->windows[i].name, sizeof source->windows[i].name);
    source->n_levels = source->n_levels > 0 ? source->n_levels : 0;
    source->n_series = source->n_series > 0 ? source->n_series : 0;
    if ((unsigned)source->origin > HG_WINDOW_ORIGIN_RANGE)
        source->origin = HG_WINDOW_ORIGIN_NONE;
    if ((unsigned)source->function > HG_WINDOW_FUNCTION_SIGMOID)
        source->function = HG_WINDOW_FUNCTION_LINEAR;
    if ((unsigned)source->axis > HG_IMAGE_AXIS_AXIAL)
        source->axis = HG_IMAGE_AXIS_DEFAULT;
}

/* One picture at *at, which moves behind it. */
static hg_status child_take_one(hg_image *image, const hg_sandbox_result *result, size_t *at,
                                const child_job *job, hg_error *err)
{
    child_head head;
    if (result->n - *at < CHILD_HEAD_BYTES)
        return hg_error_set(err, HG_STATUS_INPUT, "the decoder gave no picture");
    memcpy(&head, result->data + *at, sizeof head);
    *at += CHILD_HEAD_BYTES;
    image->format = job->format->name;
    image->orientation = head.orientation >= 1 && head.orientation <= 8 ? head.orientation : 1;
    image->synthetic = head.synthetic != 0;
    image->source = head.source;
    child_clean_source(&image->source);
    if (job->request.describe)
        return HG_STATUS_OK;
    /* Turned pictures pass the same limits: the sides only change places. */
    hg_status status = hg_image_check_size(job->request.limits, (uint64_t)(uint32_t)head.width,
                                           (uint64_t)(uint32_t)head.height, err);
    if (status == HG_STATUS_OK)
        status = hg_image_alloc(image, head.width, head.height, head.channels, head.bits, err);
    if (status != HG_STATUS_OK)
        return hg_error_prefix(err, HG_STATUS_INPUT, "the decoder gave a wrong picture");
    size_t n = hg_image_bytes(image);
    if (head.n_bytes != n || result->n - *at < CHILD_ROUND(n))
        return hg_error_set(err, HG_STATUS_INPUT, "the decoder gave a picture of the wrong size");
    memcpy(image->samples, result->data + *at, n);
    *at += CHILD_ROUND(n);
    return HG_STATUS_OK;
}

static hg_status child_take(hg_image *images, size_t *n, const hg_sandbox_result *result,
                            const child_job *job, hg_error *err)
{
    uint64_t counts[2] = {0, 0}, most = job->request.wanted;
    size_t at = CHILD_COUNT_BYTES;
    if (result->n >= CHILD_COUNT_BYTES)
        memcpy(counts, result->data, sizeof counts);
    if (counts[0] < 1 || counts[0] > most || counts[1] != (job->request.describe ? 1 : counts[0]))
        return hg_error_set(err, HG_STATUS_INPUT, "the decoder gave %llu pictures",
                            (unsigned long long)counts[0]);
    *n = (size_t)counts[0];
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < (size_t)counts[1]; i++)
        status = child_take_one(&images[i], result, &at, job, err);
    return status;
}

hg_sandbox_limits hg_image_child_limits(const hg_image_file *bytes)
{
    hg_sandbox_limits limits = hg_sandbox_limits_default();
    limits.fd = bytes->fd;
    limits.cpu_seconds += (int)(bytes->n_members / 16); /* every file of a series may have to be unpacked */
    limits.wall_seconds += (int)(bytes->n_members / 8);
    return limits;
}

/* ---- many files ---- */

typedef struct child_list {
    const hg_image_files *files;
    hg_image_list_take take;
    void *user;
} child_list;

static child_job list_job(const child_list *list, size_t index, const hg_image_limits *usual)
{
    const hg_image_files *files = &list->files[index];
    return (child_job){
        .format = files->format, .bytes = &files->file, .request = {.limits = usual, .wanted = 1}};
}

static hg_status list_work(void *arg, size_t index, hg_sandbox_out *out, hg_error *err)
{
    const hg_image_limits usual = hg_image_limits_default();
    child_job job = list_job(arg, index, &usual);
    return child_work(&job, out, err);
}

static hg_status list_take(void *arg, size_t index, hg_status status, hg_sandbox_result *result,
                           const hg_error *why, hg_error *err)
{
    const child_list *list = arg;
    const hg_image_limits usual = hg_image_limits_default();
    const child_job job = list_job(list, index, &usual);
    hg_error own = *why;
    hg_image image;
    size_t n;
    hg_image_init(&image);
    if (status == HG_STATUS_OK)
        status = child_take(&image, &n, result, &job, &own);
    status = list->take(list->user, index, status == HG_STATUS_OK ? &image : NULL, status, &own, err);
    hg_image_deinit(&image);
    return status;
}

hg_status hg_image_decode_list(const hg_image_files *files, size_t n, hg_image_list_take take, void *user,
                               hg_error *err)
{
    const hg_sandbox_limits limits = hg_sandbox_limits_default();
    child_list own = {files, take, user};
    const hg_sandbox_list list = {n, list_work, list_take, &own};
    for (size_t i = 0; i < n; i++) {
        if (files[i].format->prepare != NULL)
            files[i].format->prepare();
    }
    return hg_sandbox_run_list(&list, &limits, err);
}

hg_status hg_image_decode_confined(hg_image *images, size_t *n, const hg_image_format *format,
                                   const hg_image_file *bytes, const hg_image_request *request, hg_error *err)
{
    const hg_image_limits usual = hg_image_limits_default();
    const hg_sandbox_limits limits = hg_image_child_limits(bytes);
    hg_sandbox_result result;
    child_job job = {.format = format, .bytes = bytes, .request = *request};
    job.request.wanted = request->wanted == 0 ? 1 : request->wanted;
    job.request.limits = request->limits != NULL ? request->limits : &usual;
    if (job.request.wanted > HG_IMAGE_MAX_PICTURES)
        return hg_error_set(err, HG_STATUS_USAGE, "%zu pictures of a file; 1..%d are possible",
                            job.request.wanted, HG_IMAGE_MAX_PICTURES);
    if (format->prepare != NULL)
        format->prepare();
    hg_status status = hg_sandbox_run(&result, child_work, &job, &limits, err);
    if (status != HG_STATUS_OK)
        return status;
    status = child_take(images, n, &result, &job, err);
    hg_sandbox_result_free(&result);
    for (size_t i = 0; status != HG_STATUS_OK && i < job.request.wanted; i++)
        hg_image_deinit(&images[i]);
    return status;
}
