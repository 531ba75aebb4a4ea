/* SPDX-License-Identifier: Apache-2.0
 *
 * set_volumes.c: a walk over the folder finds the volumes; each patient's are cut into slices in one window
 * of the whole volume, so that slices of a patient are comparable.
 */
#include "data/set_volumes.h"

#include "base/file.h"
#include "base/file_map.h"
#include "base/memory.h"
#include "data/phantom_random.h"
#include "image/gzip_stream.h"
#include "image/image_writer.h"
#include "image/nifti_header.h"
#include "image/resize.h"
#include "image/rgb.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define VOLUMES_DEPTH 4
#define VOLUMES_SKIP 0.2           /* of the slices at each end, which show little */
#define VOLUMES_CT_WINDOW "0,2000" /* centre and width, Hounsfield units */
#define VOLUMES_FACTOR 4           /* of super-resolution */
#define VOLUMES_SAMPLES 24
#define VOLUMES_TOLERANCE 0.01 /* mm, of the affine */

static const struct volume_source {
    const char *name, *license;
    bool pairs; /* MR and CT of one patient; else single MR contrasts */
} sources[] = {{"ixi", "CC-BY-SA-3.0", false}, {"synthrad2023", "CC-BY-NC-4.0", true}};

static const struct volume_source *source_of(const char *name)
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        if (strcmp(sources[i].name, name) == 0)
            return &sources[i];
    }
    return NULL;
}

bool hg_volumes_find(const char *name)
{
    return source_of(name) != NULL;
}

const char *hg_volumes_license(const char *name)
{
    return source_of(name)->license;
}

/* ---- registration ---- */

static hg_status read_header(const char *path, uint8_t bytes[HG_NIFTI_HEADER_MAX], hg_nifti_header *header,
                             hg_error *err)
{
    hg_file_map map;
    hg_gzip_stream stream;
    size_t got = 0;
    hg_status status = hg_file_map_open(&map, path, err);
    if (status != HG_STATUS_OK)
        return status;
    memset(bytes, 0, HG_NIFTI_HEADER_MAX);
    status = hg_gzip_stream_init(&stream, map.data, map.size, err);
    if (status == HG_STATUS_OK) {
        status = hg_gzip_stream_read(&stream, bytes, HG_NIFTI_HEADER_MAX, &got, err);
        hg_gzip_stream_deinit(&stream);
    }
    hg_file_map_close(&map);
    if (status == HG_STATUS_OK && !hg_nifti_probe(bytes, got))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: no NIfTI file", path);
    return status == HG_STATUS_OK ? hg_nifti_parse(header, bytes, got, err) : status;
}

/* A number of the header at `at`: float in version 1, double in version 2. */
static double header_number(const uint8_t *bytes, const hg_nifti_header *h, size_t at, size_t index)
{
    size_t size = h->version == 2 ? 8 : 4;
    uint8_t raw[8];
    for (size_t i = 0; i < size; i++)
        raw[i] = bytes[at + index * size + (h->swapped ? size - 1 - i : i)];
    float f;
    double d;
    memcpy(&f, raw, 4);
    memcpy(&d, raw, 8 <= size ? 8 : 4);
    return size == 8 ? d : (double)f;
}

/* The numbers that place the voxels: of the sform where it is set, else of the qform; returns how many. */
static size_t place_numbers(const uint8_t *bytes, const hg_nifti_header *h, double out[12])
{
    bool second = h->version == 2;
    size_t code_at = second ? 348 : 254, code_bytes = second ? 4 : 2;
    bool sform = false;
    for (size_t i = 0; i < code_bytes; i++)
        sform = sform || bytes[code_at + i] != 0;
    size_t n = sform ? 12 : 6, at = sform ? (second ? 400 : 280) : (second ? 352 : 256);
    for (size_t i = 0; i < n; i++)
        out[i] = header_number(bytes, h, at, i);
    return n;
}

hg_status hg_volumes_check_pair(const char *a, const char *b, hg_error *err)
{
    uint8_t bytes_a[HG_NIFTI_HEADER_MAX], bytes_b[HG_NIFTI_HEADER_MAX];
    hg_nifti_header ha, hb;
    double na[12], nb[12];
    hg_status status = read_header(a, bytes_a, &ha, err);
    if (status == HG_STATUS_OK)
        status = read_header(b, bytes_b, &hb, err);
    if (status != HG_STATUS_OK)
        return status;
    for (int i = 0; i < 3; i++) {
        if (ha.grid.dim[i] != hb.grid.dim[i])
            return hg_error_set(err, HG_STATUS_INPUT, "%s: axis %d has %lld voxels, that of %s %lld", a, i,
                                (long long)ha.grid.dim[i], hg_path_name(b), (long long)hb.grid.dim[i]);
        if (fabs(ha.grid.spacing[i] - hb.grid.spacing[i]) > VOLUMES_TOLERANCE)
            return hg_error_set(err, HG_STATUS_INPUT, "%s: voxels of %.3f mm, those of %s of %.3f mm", a,
                                ha.grid.spacing[i], hg_path_name(b), hb.grid.spacing[i]);
    }
    size_t n = place_numbers(bytes_a, &ha, na);
    if (n != place_numbers(bytes_b, &hb, nb))
        return hg_error_set(err, HG_STATUS_INPUT, "%s and %s place their voxels in different ways", a,
                            hg_path_name(b));
    for (size_t i = 0; i < n; i++) {
        if (!(fabs(na[i] - nb[i]) <= VOLUMES_TOLERANCE))
            return hg_error_set(err, HG_STATUS_INPUT, "%s is not registered to %s: affine %.3f and %.3f", a,
                                hg_path_name(b), na[i], nb[i]);
    }
    return HG_STATUS_OK;
}

/* ---- slices ---- */

typedef struct volumes {
    const hg_build_request *request;
    const struct volume_source *source;
    hg_set_writer *writer;
    hg_set_page *page;
    hg_build_result *result;
    hg_name_table patients;
    size_t n_samples;
} volumes;

static void note(volumes *v, const hg_error *why)
{
    v->result->n_bad++;
    if (v->request->on_note != NULL)
        v->request->on_note(v->request->on_note_user, why->text);
}

static hg_split patient_split(const volumes *v, const char *patient)
{
    return hg_split_by_name(v->request->seed, patient, v->request->val, v->request->test);
}

/* The window of a whole volume: of MR that of its middle slice, percentiles 1 and 99; of CT a fixed one. Also
 * how many axial slices there are. */
static hg_status volume_window(const char *path, bool ct, char window[64], int *n_slices, hg_error *err)
{
    hg_image_view view = hg_image_view_default();
    hg_image *image;
    view.axis = HG_IMAGE_AXIS_AXIAL;
    hg_status status = hg_image_open_view(&image, path, &view, err);
    if (status != HG_STATUS_OK)
        return status;
    const hg_image_source *source = hg_image_get_source(image);
    *n_slices = source->n_slices;
    snprintf(window, 64, "%.6g,%.6g", source->window.centre,
             source->window.width > 0 ? source->window.width : 1);
    if (ct)
        snprintf(window, 64, "%s", VOLUMES_CT_WINDOW);
    hg_image_close(image);
    return status;
}

static hg_status save(const volumes *v, const hg_image *image, const char *name, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_buffer file;
    hg_buffer_init(&file, (size_t)256 << 20);
    hg_status status = hg_path_join(path, v->request->out, name, err);
    if (status == HG_STATUS_OK)
        status = hg_image_encode(&file, image, HG_IMAGE_TYPE_PNG, NULL, err);
    if (status == HG_STATUS_OK)
        status = hg_file_write_quick(path, file.data, file.size, err);
    hg_buffer_deinit(&file);
    v->result->n_images += status == HG_STATUS_OK;
    return status;
}

/* One slice to a file; with `low` also one with a quarter of the pixels on a side (bicubic, antialiased). */
static hg_status cut_slice(volumes *v, const char *path, const char *window, int slice, const char *name,
                           const char *low, hg_error *err)
{
    hg_image_view view = {.window = window, .slice = slice, .axis = HG_IMAGE_AXIS_AXIAL};
    hg_image *image, grey, small;
    hg_status status = hg_image_open_view(&image, path, &view, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_image_init(&grey);
    hg_image_init(&small);
    status = hg_image_to_opaque(&grey, image, err);
    hg_image_close(image);
    if (status == HG_STATUS_OK)
        status = save(v, &grey, name, err);
    if (status == HG_STATUS_OK && low != NULL) {
        int width = grey.width / VOLUMES_FACTOR, height = grey.height / VOLUMES_FACTOR;
        if (width < 1 || height < 1)
            status = hg_error_set(err, HG_STATUS_INPUT, "%s: slices of %d x %d are too small", path,
                                  grey.width, grey.height);
        if (status == HG_STATUS_OK)
            status = hg_image_alloc(&small, width, height, grey.channels, 8, err);
        if (status == HG_STATUS_OK)
            status = hg_resize_u8(small.samples, width, height, grey.samples, grey.width, grey.height,
                                  grey.channels, HG_RESIZE_FILTER_BICUBIC, err);
        if (status == HG_STATUS_OK)
            status = save(v, &small, low, err);
    }
    hg_image_deinit(&small);
    hg_image_deinit(&grey);
    return status;
}

static hg_status push(volumes *v, const char *id, const char *task, const char *image, const char *target,
                      const char *instruction, const char *patient, hg_error *err)
{
    hg_buffer line;
    hg_split split = patient_split(v, patient);
    json_t *item = hg_item_draw(id, image, target, instruction);
    if (item != NULL) {
        json_object_set_new(item, "task", json_string(task));
        json_object_set_new(item, "patient", json_string(patient));
        json_object_set_new(item, "split", json_string(hg_split_name(split)));
        json_object_set_new(item, "source", json_string(v->source->name));
        json_object_set_new(item, "license", json_string(v->source->license));
    }
    hg_buffer_init(&line, (size_t)1 << 20);
    hg_status status = hg_line_push(&line, item, err);
    if (status == HG_STATUS_OK)
        status = hg_set_writer_push(v->writer, split, &line, err);
    hg_buffer_deinit(&line);
    v->result->n_items[split] += status == HG_STATUS_OK;
    if (v->n_samples++ < VOLUMES_SAMPLES)
        hg_set_page_sample(v->page, image, target, id);
    return status;
}

/* The k-th of n slices, spread over the middle of the volume. */
static int chosen_slice(int k, int n, int n_slices)
{
    double first = VOLUMES_SKIP * n_slices, span = (1 - 2 * VOLUMES_SKIP) * n_slices;
    return (int)(first + span * (k + 0.5) / n);
}

/* IXI: each contrast on its own, for super-resolution and reconstruction. */
static hg_status single(volumes *v, const char *path, const char *patient, const char *contrast,
                        hg_error *err)
{
    char window[64], stem[200], name[240], low[240];
    int n_slices;
    hg_status status = volume_window(path, false, window, &n_slices, err);
    for (int k = 0; k < v->request->n_slices && status == HG_STATUS_OK; k++) {
        int slice = chosen_slice(k, v->request->n_slices, n_slices);
        snprintf(stem, sizeof stem, "%.120s_%.20s_%03d", patient, contrast, slice);
        snprintf(name, sizeof name, "images/%s.png", stem);
        snprintf(low, sizeof low, "images/%s_low.png", stem);
        status = cut_slice(v, path, window, slice, name, low, err);
        if (status == HG_STATUS_OK)
            status = push(v, stem, "super-resolution", low, name, "Increase the resolution of the image.",
                          patient, err);
        if (status == HG_STATUS_OK)
            status = push(v, stem, "reconstruct", name, name, "Reconstruct the image.", patient, err);
    }
    return status;
}

/* SynthRAD: MR and CT on one grid. */
static hg_status pair(volumes *v, const char *mr, const char *ct, const char *patient, hg_error *err)
{
    char windows[2][64], stem[200], names[2][240];
    const char *const files[2] = {mr, ct}, *const kinds[2] = {"mr", "ct"};
    int n_slices;
    hg_status status = hg_volumes_check_pair(mr, ct, err);
    for (int i = 0; i < 2 && status == HG_STATUS_OK; i++)
        status = volume_window(files[i], i == 1, windows[i], &n_slices, err);
    for (int k = 0; k < v->request->n_slices && status == HG_STATUS_OK; k++) {
        int slice = chosen_slice(k, v->request->n_slices, n_slices);
        snprintf(stem, sizeof stem, "%.120s_%03d", patient, slice);
        for (int i = 0; i < 2 && status == HG_STATUS_OK; i++) {
            snprintf(names[i], sizeof names[i], "images/%s_%s.png", stem, kinds[i]);
            status = cut_slice(v, files[i], windows[i], slice, names[i], NULL, err);
        }
        if (status == HG_STATUS_OK)
            status = push(v, stem, "mri-to-ct", names[0], names[1], "Convert the MRI image to a CT image.",
                          patient, err);
        if (status == HG_STATUS_OK)
            status = push(v, stem, "ct-to-mri", names[1], names[0], "Convert the CT image to an MRI image.",
                          patient, err);
    }
    return status;
}

/* ---- finding them ---- */

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), k = strlen(end);
    return n >= k && strcmp(name + n - k, end) == 0;
}

static hg_status counted(volumes *v, const char *patient, hg_error *err)
{
    size_t number;
    return hg_name_table_get(&v->patients, patient, &number, NULL, err);
}

/* "…/IXI002-Guys-0828-T1.nii.gz": patient IXI002, contrast T1. */
static hg_status take_ixi(volumes *v, const char *path, const char *name, hg_error *err)
{
    const char *base = hg_path_name(name), *dash = strchr(base, '-'), *last = strrchr(base, '-');
    char patient[64], contrast[16];
    if (strncmp(base, "IXI", 3) != 0 || dash == NULL ||
        (!ends_with(base, ".nii.gz") && !ends_with(base, ".nii")))
        return HG_STATUS_OK;
    snprintf(patient, sizeof patient, "%.*s", (int)(dash - base), base);
    snprintf(contrast, sizeof contrast, "%.*s", (int)strcspn(last + 1, "."), last + 1);
    if (strcmp(contrast, "T1") != 0 && strcmp(contrast, "T2") != 0 && strcmp(contrast, "PD") != 0)
        return HG_STATUS_OK; /* angiography and diffusion */
    hg_status status = counted(v, patient, err);
    return status == HG_STATUS_OK ? single(v, path, patient, contrast, err) : status;
}

/* "…/brain/1BA001/mr.nii.gz" with ct.nii.gz beside it: patient 1BA001. */
static hg_status take_synthrad(volumes *v, const char *path, const char *name, hg_error *err)
{
    const char *base = hg_path_name(name), *ending = base[0] == 'm' ? base + 2 : "";
    char ct[HG_PATH_BYTES], patient[64];
    if (strcmp(base, "mr.nii.gz") != 0 && strcmp(base, "mr.nii") != 0)
        return HG_STATUS_OK;
    size_t folder = (size_t)(hg_path_name(path) - path);
    snprintf(ct, sizeof ct, "%.*sct%s", (int)folder, path, ending);
    size_t end = base > name ? (size_t)(base - name) - 1 : 0, begin = end;
    while (begin > 0 && name[begin - 1] != '/')
        begin--;
    snprintf(patient, sizeof patient, "%.*s", (int)(end - begin), name + begin);
    if (patient[0] == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: no folder names its patient", path);
    hg_status status = counted(v, patient, err);
    return status == HG_STATUS_OK ? pair(v, path, ct, patient, err) : status;
}

static hg_status take_file(void *user, const char *name, hg_error *err)
{
    volumes *v = user;
    char path[HG_PATH_BYTES];
    hg_error why = {HG_STATUS_OK, ""};
    const hg_progress *p = &v->request->progress;
    hg_status status = hg_path_join(path, v->request->in, name, &why);
    if (status == HG_STATUS_OK)
        status = v->source->pairs ? take_synthrad(v, path, name, &why) : take_ixi(v, path, name, &why);
    if (status == HG_STATUS_INPUT)
        note(v, &why);
    else if (status != HG_STATUS_OK)
        return hg_error_set(err, status, "%s", why.text);
    if (p->report != NULL && !p->report(p->user, "slices", (int64_t)v->result->n_images, 0))
        return hg_error_set(err, HG_STATUS_FAILED, "cancelled");
    return HG_STATUS_OK;
}

hg_status hg_volumes_build(const hg_build_request *request, hg_set_writer *writer, hg_set_page *page,
                           hg_build_result *result, hg_error *err)
{
    volumes v = {.request = request,
                 .source = source_of(request->from),
                 .writer = writer,
                 .page = page,
                 .result = result};
    hg_name_table_init(&v.patients);
    hg_status status = hg_folder_walk(request->in, VOLUMES_DEPTH, take_file, &v, err);
    result->n_patients = v.patients.n;
    if (status == HG_STATUS_OK && result->n_images == 0)
        status = hg_error_set(err, HG_STATUS_INPUT, "%s: no volumes of %s in it (as '%s')", request->in,
                              v.source->name,
                              v.source->pairs ? "brain/1BA001/mr.nii.gz" : "IXI002-Guys-0828-T1.nii.gz");
    hg_name_table_deinit(&v.patients);
    return status;
}
