/* SPDX-License-Identifier: Apache-2.0
 *
 * image_child.c: reading files, each decoded in a confined child. The child sends back a small head and the
 * samples; the parent believes neither and checks both like a file's, because a broken decoder may have
 * written anything.
 */
#include "image/image_reader.h"
#include "image/sandbox.h"

#include "base/file.h"
#include "base/file_map.h"

#include <string.h>
#include <strings.h>

typedef struct child_head {
    int32_t width;
    int32_t height;
    int32_t channels;
    int32_t bits;
    int32_t orientation;
    hg_image_source source;
} child_head;

/* Samples begin at a multiple of this. */
#define CHILD_HEAD_BYTES ((sizeof(child_head) + 63) / 64 * 64)

typedef struct child_job {
    const hg_image_format *format;
    const hg_image_file *bytes;
    const hg_image_view *view;
    const hg_image_limits *limits;
} child_job;

static hg_status child_work(void *arg, hg_sandbox_out *out, hg_error *err)
{
    const child_job *job = arg;
    hg_image image;
    hg_image_init(&image);
    hg_status status = hg_image_decode(&image, job->format, job->bytes, job->view, job->limits, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t n = hg_image_bytes(&image);
    uint8_t *to = hg_sandbox_reserve(out, CHILD_HEAD_BYTES + n, err);
    if (to == NULL)
        status = HG_STATUS_INPUT;
    else {
        const child_head head = {.width = image.width,
                                 .height = image.height,
                                 .channels = image.channels,
                                 .bits = image.bits,
                                 .orientation = image.orientation,
                                 .source = image.source};
        memcpy(to, &head, sizeof head);
        memcpy(to + CHILD_HEAD_BYTES, image.samples, n);
    }
    hg_image_deinit(&image);
    return status;
}

/* One printable line, terminated. */
static void child_clean_text(char *text, size_t n)
{
    text[n - 1] = 0;
    for (char *p = text; *p != 0; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
}

static void child_clean_source(hg_image_source *source)
{
    child_clean_text(source->modality, sizeof source->modality);
    child_clean_text(source->photometric, sizeof source->photometric);
    child_clean_text(source->transfer_syntax, sizeof source->transfer_syntax);
    child_clean_text(source->orientation, sizeof source->orientation);
    child_clean_text(source->window.name, sizeof source->window.name);
    child_clean_text(source->note, sizeof source->note);
    if (source->n_windows < 0 || source->n_windows > HG_IMAGE_MAX_WINDOWS)
        source->n_windows = 0;
    for (int i = 0; i < HG_IMAGE_MAX_WINDOWS; i++)
        child_clean_text(source->windows[i].name, sizeof source->windows[i].name);
    if ((unsigned)source->origin > HG_WINDOW_ORIGIN_RANGE)
        source->origin = HG_WINDOW_ORIGIN_NONE;
    if ((unsigned)source->function > HG_WINDOW_FUNCTION_SIGMOID)
        source->function = HG_WINDOW_FUNCTION_LINEAR;
    if ((unsigned)source->axis > HG_IMAGE_AXIS_AXIAL)
        source->axis = HG_IMAGE_AXIS_DEFAULT;
}

static hg_status child_take(hg_image *image, const hg_sandbox_result *result, const child_job *job,
                            hg_error *err)
{
    child_head head;
    if (result->n < CHILD_HEAD_BYTES)
        return hg_error_set(err, HG_STATUS_INPUT, "the decoder gave no picture");
    memcpy(&head, result->data, sizeof head);
    /* Turned pictures pass the same limits: the sides only change places. */
    hg_status status = hg_image_check_size(job->limits, (uint64_t)(uint32_t)head.width,
                                           (uint64_t)(uint32_t)head.height, err);
    if (status == HG_STATUS_OK)
        status = hg_image_alloc(image, head.width, head.height, head.channels, head.bits, err);
    if (status != HG_STATUS_OK)
        return hg_error_prefix(err, HG_STATUS_INPUT, "the decoder gave a wrong picture");
    if (hg_image_bytes(image) != result->n - CHILD_HEAD_BYTES)
        return hg_error_set(err, HG_STATUS_INPUT, "the decoder gave a picture of the wrong size");
    memcpy(image->samples, result->data + CHILD_HEAD_BYTES, hg_image_bytes(image));
    image->format = job->format->name;
    image->orientation = head.orientation >= 1 && head.orientation <= 8 ? head.orientation : 1;
    image->source = head.source;
    child_clean_source(&image->source);
    return HG_STATUS_OK;
}

static hg_status child_decode(hg_image *image, const child_job *job, hg_error *err)
{
    const hg_sandbox_limits limits = hg_sandbox_limits_default();
    hg_sandbox_result result;
    if (job->format->prepare != NULL)
        job->format->prepare();
    hg_status status = hg_sandbox_run(&result, child_work, (void *)(uintptr_t)job, &limits, err);
    if (status != HG_STATUS_OK)
        return status;
    status = child_take(image, &result, job, err);
    hg_sandbox_result_free(&result);
    if (status != HG_STATUS_OK)
        hg_image_deinit(image);
    return status;
}

static hg_status child_read_bytes(hg_image *image, const hg_image_file *bytes, const hg_image_view *view,
                                  const hg_image_limits *limits, hg_error *err)
{
    const hg_image_limits usual = hg_image_limits_default();
    if (bytes->n == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "the file is empty");
    const child_job job = {.format = hg_image_format_find(bytes->data, bytes->n),
                           .bytes = bytes,
                           .view = view,
                           .limits = limits != NULL ? limits : &usual};
    if (job.format == NULL)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "not an image of a known format (PNG, JPEG, TIFF, DICOM, NIfTI, NumPy)");
    return child_decode(image, &job, err);
}

hg_status hg_image_read_memory(hg_image *image, const uint8_t *bytes, size_t n, const hg_image_limits *limits,
                               hg_error *err)
{
    const hg_image_file all = {.data = bytes, .n = n};
    return child_read_bytes(image, &all, NULL, limits, err);
}

/* The path with another ending of the same length; false when it does not end in `from`. */
static bool child_other_path(char out[HG_PATH_BYTES], const char *path, const char *from, const char *to)
{
    size_t n = strlen(path), m = strlen(from);
    if (n < m || n >= HG_PATH_BYTES || strcasecmp(path + n - m, from) != 0)
        return false;
    memcpy(out, path, n + 1);
    memcpy(out + n - m, to, m);
    return true;
}

static hg_status child_read_path(hg_image *image, const char *path, const hg_image_view *view,
                                 const hg_image_limits *limits, hg_error *err)
{
    char other[HG_PATH_BYTES];
    hg_file_map map, pair = {0};
    hg_status status = hg_file_map_open(&map, path, err);
    if (status != HG_STATUS_OK)
        return status;
    const hg_image_format *format = map.size == 0 ? NULL : hg_image_format_find(map.data, map.size);
    if (format != NULL && format->is_pair != NULL && format->is_pair(map.data, map.size) &&
        child_other_path(other, path, ".hdr", ".img") && hg_file_map_open(&pair, other, err) != HG_STATUS_OK)
        status = hg_error_prefix(err, HG_STATUS_INPUT, "%s: its samples are missing", path);
    if (status == HG_STATUS_OK) {
        const hg_image_file bytes = {.data = map.data, .n = map.size, .pair = pair.data, .n_pair = pair.size};
        status = child_read_bytes(image, &bytes, view, limits, err);
        if (status != HG_STATUS_OK)
            status = hg_error_prefix(err, status, "%s", path);
    }
    hg_file_map_close(&pair);
    hg_file_map_close(&map);
    return status;
}

hg_status hg_image_read_view(hg_image *image, const char *path, const hg_image_view *view,
                             const hg_image_limits *limits, hg_error *err)
{
    /* The data half of a pair says nothing of itself; its header does. */
    char header[HG_PATH_BYTES];
    if (child_other_path(header, path, ".img", ".hdr") && hg_file_exists(header))
        path = header;
    return child_read_path(image, path, view, limits, err);
}

hg_status hg_image_read(hg_image *image, const char *path, const hg_image_limits *limits, hg_error *err)
{
    return hg_image_read_view(image, path, NULL, limits, err);
}
