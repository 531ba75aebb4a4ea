/* SPDX-License-Identifier: Apache-2.0
 *
 * image_read.c: reading: the files of a path are mapped here, decoded in a child, and let go again. Errors
 * begin with the path.
 */
#include "base/memory.h"
#include "image/image_child.h"
#include "image/image_files.h"
#include "image/series_reader.h"

#include <string.h>

hg_status hg_image_read_memory(hg_image *image, const uint8_t *bytes, size_t n, const hg_image_limits *limits,
                               hg_error *err)
{
    const hg_image_request request = {.limits = limits};
    hg_image_files files;
    size_t n_images;
    hg_status status = hg_image_files_view(&files, bytes, n, err);
    if (status == HG_STATUS_OK)
        status = hg_image_decode_confined(image, &n_images, files.format, &files.file, &request, err);
    hg_image_files_close(&files);
    return status;
}

hg_status hg_image_name_path(hg_status status, const char *path, hg_error *err)
{
    if (status == HG_STATUS_OK || (err != NULL && strncmp(err->text, path, strlen(path)) == 0))
        return status;
    return hg_error_prefix(err, status, "%s", path);
}

hg_status hg_image_read_all(hg_image *images, size_t *n, const char *path, const hg_image_request *request,
                            hg_error *err)
{
    hg_image_files files;
    hg_status status = hg_image_files_open(&files, path, err);
    if (status == HG_STATUS_OK)
        status = hg_image_decode_confined(images, n, files.format, &files.file, request, err);
    for (size_t i = 0; status == HG_STATUS_OK && files.n_missing > 0 && i < *n; i++)
        hg_scan_note(&images[i].source, "%zu files that the DICOMDIR names are missing", files.n_missing);
    hg_image_files_close(&files);
    return hg_image_name_path(status, path, err);
}

hg_status hg_image_read_view(hg_image *image, const char *path, const hg_image_view *view,
                             const hg_image_limits *limits, hg_error *err)
{
    const hg_image_request request = {.view = view, .limits = limits};
    size_t n;
    return hg_image_read_all(image, &n, path, &request, err);
}

hg_status hg_image_read(hg_image *image, const char *path, const hg_image_limits *limits, hg_error *err)
{
    return hg_image_read_view(image, path, NULL, limits, err);
}

typedef struct list_job {
    const hg_image_file *file;
    size_t max;
} list_job;

static hg_status list_work(void *arg, hg_sandbox_out *out, hg_error *err)
{
    const list_job *job = arg;
    size_t n = 0;
    uint8_t *to = hg_sandbox_reserve(out, sizeof n + job->max * sizeof(hg_image_series), err);
    hg_image_series *series = hg_mem_array(job->max + 1, sizeof *series);
    hg_status status = HG_STATUS_INPUT;
    if (series == NULL)
        status = hg_error_memory(err, job->max * sizeof *series, "a list of series");
    else if (to != NULL)
        status = hg_series_list(series, job->max, &n, job->file, err);
    if (status == HG_STATUS_OK) {
        memcpy(to, &n, sizeof n);
        memcpy(to + sizeof n, series, job->max * sizeof *series);
    }
    hg_mem_free(series);
    return status;
}

static hg_status list_take(hg_image_series *series, size_t max, size_t *n, const hg_sandbox_result *result,
                           hg_error *err)
{
    if (result->n != sizeof *n + max * sizeof *series)
        return hg_error_set(err, HG_STATUS_INPUT, "the decoder gave no list of series");
    memcpy(n, result->data, sizeof *n);
    memcpy(series, result->data + sizeof *n, max * sizeof *series);
    *n = *n < HG_IMAGE_MAX_FILES ? *n : HG_IMAGE_MAX_FILES;
    for (size_t i = 0; i < max; i++) {
        hg_image_clean_text(series[i].uid, sizeof series[i].uid);
        hg_image_clean_text(series[i].modality, sizeof series[i].modality);
    }
    return HG_STATUS_OK;
}

hg_status hg_image_list_series(const char *path, hg_image_series *series, size_t max, size_t *n,
                               hg_error *err)
{
    hg_image_files files;
    hg_sandbox_result result;
    *n = 0;
    if (max > HG_IMAGE_MAX_FILES)
        return hg_error_set(err, HG_STATUS_USAGE, "a list of %zu series", max);
    hg_status status = hg_image_files_open(&files, path, err);
    if (status == HG_STATUS_OK && files.format == &hg_series_format) {
        list_job job = {.file = &files.file, .max = max};
        const hg_sandbox_limits limits = hg_image_child_limits(&files.file);
        files.format->prepare();
        status = hg_sandbox_run(&result, list_work, &job, &limits, err);
        if (status == HG_STATUS_OK) {
            status = list_take(series, max, n, &result, err);
            hg_sandbox_result_free(&result);
        }
    }
    hg_image_files_close(&files);
    return hg_image_name_path(status, path, err);
}
