/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dicom_corpus.c: every DICOM file of the shared data set: the stored values of all its frames against
 * the SHA-256 that pydicom with GDCM gives, and files that no one can read as clean errors. Skipped, with a
 * message, where the data set is not there. Each file is decoded in a confined child, as the program does.
 */
#include "image_golden.h"

#include "base/file_map.h"
#include "image/dicom_file.h"
#include "image/sandbox.h"

#include <jansson.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define CORPUS_REFERENCE HG_SHARED_DATA "/reference_values.jsonl"

/* What a file's frames hold together. */
typedef struct corpus_values {
    unsigned char sha[32];
    double minimum, maximum, mean;
    double channel_mean[4];
    int width, height, channels, n_frames;
    bool lossy;
} corpus_values;

static void corpus_count(corpus_values *v, const hg_frame *frame, double *sum)
{
    size_t n = hg_frame_count(frame);
    for (size_t i = 0; i < n; i++) {
        double value;
        hg_frame_get(frame, i, 1, &value);
        v->minimum = fmin(v->minimum, value);
        v->maximum = fmax(v->maximum, value);
        v->channel_mean[i % (size_t)frame->channels] += value;
        *sum += value;
    }
}

static hg_status corpus_frames(corpus_values *v, hg_scan *scan, EVP_MD_CTX *sha, hg_error *err)
{
    double sum = 0, count = 0;
    v->minimum = INFINITY;
    v->maximum = -INFINITY;
    v->n_frames = scan->source.n_frames;
    v->lossy = scan->source.lossy;
    for (int f = 0; f < v->n_frames; f++) {
        hg_image_view view = hg_image_view_default();
        hg_frame frame = {0};
        view.frame = f;
        hg_status status = hg_scan_read(scan, &view, &frame, err);
        if (status != HG_STATUS_OK)
            return status;
        EVP_DigestUpdate(sha, frame.samples, hg_frame_bytes(&frame));
        corpus_count(v, &frame, &sum);
        count += (double)hg_frame_count(&frame);
        v->width = frame.width;
        v->height = frame.height;
        v->channels = frame.channels;
        hg_frame_deinit(&frame);
    }
    v->mean = sum / count;
    for (int c = 0; c < v->channels; c++)
        v->channel_mean[c] /= count / v->channels;
    return HG_STATUS_OK;
}

static hg_status corpus_work(void *arg, hg_sandbox_out *out, hg_error *err)
{
    const hg_image_limits limits = hg_image_limits_default();
    const hg_image_file *file = arg;
    const hg_image_format *format = hg_image_format_find(file->data, file->n);
    hg_scan scan;
    corpus_values *v = hg_sandbox_reserve(out, sizeof *v, err);
    if (v == NULL || format == NULL || format->scan == NULL)
        return HG_STATUS_FAILED;
    hg_status status = hg_scan_open(&scan, format->scan, file, NULL, &limits, err);
    if (status != HG_STATUS_OK)
        return status;
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    EVP_DigestInit_ex(sha, EVP_sha256(), NULL);
    status = corpus_frames(v, &scan, sha, err);
    EVP_DigestFinal_ex(sha, v->sha, NULL);
    EVP_MD_CTX_free(sha);
    hg_scan_close(&scan);
    return status;
}

static hg_status corpus_read(corpus_values *v, const char *name, hg_error *err)
{
    char path[HG_PATH_BYTES];
    const hg_sandbox_limits limits = hg_sandbox_limits_default();
    hg_file_map map;
    hg_sandbox_result result;
    golden_path(path, "shared", name);
    hg_status status = hg_file_map_open(&map, path, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_image_file file = {.data = map.data, .n = map.size};
    hg_dicom_prepare();
    status = hg_sandbox_run(&result, corpus_work, &file, &limits, err);
    if (status == HG_STATUS_OK) {
        assert_int_equal(result.n, sizeof *v);
        memcpy(v, result.data, sizeof *v);
        hg_sandbox_result_free(&result);
    }
    hg_file_map_close(&map);
    return status;
}

static bool corpus_sha_equal(const corpus_values *v, const char *hex)
{
    char text[65];
    for (size_t i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", v->sha[i]);
    return strcmp(text, hex) == 0;
}

/* The reference keeps this file's YBR; it is RGB here, as for every other JPEG. Mean over Y, Cb and Cr of the
 * RGB means (BT.601): the rounding of single values averages out. */
static double corpus_ybr_mean(const corpus_values *v)
{
    double r = v->channel_mean[0], g = v->channel_mean[1], b = v->channel_mean[2];
    double y = 0.299 * r + 0.587 * g + 0.114 * b;
    return (y + 128 + (b - y) / 1.772 + 128 + (r - y) / 1.402) / 3;
}

/* A file with a damaged code stream, its width overwritten; one decoder of many makes noise of it. */
#define CORPUS_DAMAGED "dicom/pydicom_test_files/JPEG2000-embedded-sequence-delimiter.dcm"
#define CORPUS_YBR "dicom/pydicom_test_files/examples_ybr_color.dcm"

/* One line of the reference; whether it holds. Lossy pictures may differ by 2 in a value, and their means by
 * half a level. */
static bool corpus_check(json_t *line)
{
    const char *path = json_string_value(json_object_get(line, "path"));
    const char *sha = json_string_value(json_object_get(line, "sha256_le"));
    corpus_values v;
    hg_error err = {0};
    hg_status status = corpus_read(&v, path, &err);
    if (strcmp(path, CORPUS_DAMAGED) == 0)
        return status == HG_STATUS_INPUT && strstr(err.text, "damaged JPEG 2000") != NULL;
    if (status != HG_STATUS_OK) {
        print_message("%s: %s\n", path, err.text);
        return false;
    }
    if (corpus_sha_equal(&v, sha))
        return true;
    double low = json_number_value(json_object_get(line, "min"));
    double high = json_number_value(json_object_get(line, "max"));
    double mean = json_number_value(json_object_get(line, "mean"));
    if (strcmp(path, CORPUS_YBR) == 0 && fabs(corpus_ybr_mean(&v) - mean) <= 0.5)
        return true;
    if (v.lossy && fabs(v.minimum - low) <= 2 && fabs(v.maximum - high) <= 2 && fabs(v.mean - mean) <= 0.5)
        return true;
    print_message("%s: %g..%g, mean %g, not %g..%g, mean %g\n", path, v.minimum, v.maximum, v.mean, low, high,
                  mean);
    return false;
}

static void test_stored_values(void **state)
{
    (void)state;
    char text[8192];
    int n = 0, n_bad = 0;
    FILE *file = fopen(CORPUS_REFERENCE, "r");
    if (file == NULL) {
        print_message("skipped: %s is not there\n", CORPUS_REFERENCE);
        skip();
    }
    while (fgets(text, sizeof text, file) != NULL) {
        json_t *line = json_loads(text, 0, NULL);
        assert_non_null(line);
        if (json_object_get(line, "sha256_le") != NULL) {
            n++;
            n_bad += !corpus_check(line);
        }
        json_decref(line);
    }
    fclose(file);
    assert_true(n > 90);
    assert_int_equal(n_bad, 0);
}

/* Files that the reference's decoders cannot read: the same masks in another coding as a file that they can,
 * and HTJ2K pictures, whose SHA-256 is that of pydicom 3.0.2 with pylibjpeg-openjpeg 2. */
static void test_other_codings(void **state)
{
    (void)state;
    static const char *const twins[][2] = {{"liver_j2k", "liver_expb"},
                                           {"liver_rle", "liver_expb"},
                                           {"liver_deflate", "liver_expb"},
                                           {"liver_nonbyte_aligned_j2k", "liver_nonbyte_aligned"},
                                           {"liver_nonbyte_aligned_rle", "liver_nonbyte_aligned"},
                                           {"liver_nonbyte_aligned_deflate", "liver_nonbyte_aligned"}};
    static const char *const hashed[][2] = {
        {"HTJ2KLossless_08_RGB", "9d87240604f5d7522c6a8056ace6cefc2c8d6d0b07bd6e7303d5e5b21af9a49e"},
        {"HTJ2K_08_RGB", "16463ac9d0b0c70eed678971adf2076815b73148cff485ade090beb64868f7e3"}};
    corpus_values v, w;
    hg_error err = {0};
    if (!golden_have_shared()) {
        print_message("skipped: the shared data set is not there\n");
        skip();
    }
    for (size_t i = 0; i < sizeof twins / sizeof twins[0]; i++) {
        char a[80], b[80];
        snprintf(a, sizeof a, "dicom/pydicom_data/%s.dcm", twins[i][0]);
        snprintf(b, sizeof b, "dicom/pydicom_data/%s.dcm", twins[i][1]);
        if (corpus_read(&v, a, &err) != HG_STATUS_OK || corpus_read(&w, b, &err) != HG_STATUS_OK)
            fail_msg("%s: %s", a, err.text);
        assert_int_equal(v.n_frames, 3);
        assert_memory_equal(v.sha, w.sha, sizeof v.sha);
    }
    for (size_t i = 0; i < sizeof hashed / sizeof hashed[0]; i++) {
        char path[80];
        snprintf(path, sizeof path, "dicom/pydicom_data/%s.dcm", hashed[i][0]);
        if (corpus_read(&v, path, &err) != HG_STATUS_OK)
            fail_msg("%s: %s", path, err.text);
        assert_true(corpus_sha_equal(&v, hashed[i][1]));
    }
}

#define CORPUS_LOSSY HG_TEST_DATA "/image/scan/lossy.txt"
#define CORPUS_PLACES 512

/* Stored values at CORPUS_PLACES places that are spread over all frames. */
typedef struct corpus_sample {
    uint64_t n; /* values in all */
    double values[CORPUS_PLACES];
} corpus_sample;

static hg_status corpus_sample_work(void *arg, hg_sandbox_out *out, hg_error *err)
{
    const hg_image_limits limits = hg_image_limits_default();
    const hg_image_file *file = arg;
    hg_scan scan;
    corpus_sample *v = hg_sandbox_reserve(out, sizeof *v, err);
    if (v == NULL)
        return HG_STATUS_FAILED;
    hg_status status =
        hg_scan_open(&scan, hg_image_format_find(file->data, file->n)->scan, file, NULL, &limits, err);
    if (status != HG_STATUS_OK)
        return status;
    uint64_t begin = 0, next = 0;
    for (int f = 0; status == HG_STATUS_OK && f < scan.source.n_frames; f++) {
        hg_image_view view = hg_image_view_default();
        hg_frame frame = {0};
        view.frame = f;
        status = hg_scan_read(&scan, &view, &frame, err);
        if (status != HG_STATUS_OK)
            break;
        uint64_t n = hg_frame_count(&frame);
        v->n = n * (uint64_t)scan.source.n_frames;
        for (; next < CORPUS_PLACES && next * (v->n - 1) / (CORPUS_PLACES - 1) < begin + n; next++)
            hg_frame_get(&frame, (size_t)(next * (v->n - 1) / (CORPUS_PLACES - 1) - begin), 1,
                         &v->values[next]);
        begin += n;
        hg_frame_deinit(&frame);
    }
    hg_scan_close(&scan);
    return status;
}

/* One line of the reference: path, number of values, values. The largest difference, and how many differ. */
static void corpus_check_lossy(char *line)
{
    char path[HG_PATH_BYTES], *rest = NULL;
    const hg_sandbox_limits limits = hg_sandbox_limits_default();
    hg_sandbox_result result;
    hg_error err = {0};
    hg_file_map map;
    corpus_sample v;
    double most = 0;
    int n_other = 0;
    const char *name = strtok_r(line, " ", &rest);
    golden_path(path, "shared", name);
    assert_int_equal(hg_file_map_open(&map, path, &err), HG_STATUS_OK);
    hg_image_file file = {.data = map.data, .n = map.size};
    hg_dicom_prepare();
    if (hg_sandbox_run(&result, corpus_sample_work, &file, &limits, &err) != HG_STATUS_OK)
        fail_msg("%s: %s", name, err.text);
    memcpy(&v, result.data, sizeof v);
    hg_sandbox_result_free(&result);
    hg_file_map_close(&map);
    assert_int_equal(v.n, strtoull(rest, &rest, 10));
    for (int i = 0; i < CORPUS_PLACES; i++) {
        double difference = fabs(v.values[i] - strtod(rest, &rest));
        most = fmax(most, difference);
        n_other += difference > 0;
    }
    print_message("%s: %d of %d values differ, by %g at most\n", name, n_other, CORPUS_PLACES, most);
    if (most > 2)
        fail_msg("%s: differs by %g", name, most);
}

static void test_lossy_values(void **state)
{
    (void)state;
    char *line = NULL;
    size_t capacity = 0;
    int n = 0;
    if (!golden_have_shared()) {
        print_message("skipped: the shared data set is not there\n");
        skip();
    }
    FILE *file = fopen(CORPUS_LOSSY, "r");
    assert_non_null(file);
    for (; getline(&line, &capacity, file) > 0; n++)
        corpus_check_lossy(line);
    free(line);
    fclose(file);
    assert_int_equal(n, 21);
}

/* One volume's values, slice by slice, after rescaling. */
static void corpus_check_volume(json_t *line)
{
    const char *name = json_string_value(json_object_get(line, "path"));
    double minimum = INFINITY, maximum = -INFINITY;
    char path[HG_PATH_BYTES];
    hg_error err = {0};
    hg_file_map map;
    hg_scan scan;
    const hg_image_limits limits = hg_image_limits_default();
    golden_path(path, "shared", name);
    assert_int_equal(hg_file_map_open(&map, path, &err), HG_STATUS_OK);
    const hg_image_file file = {.data = map.data, .n = map.size};
    const hg_image_format *format = hg_image_format_find(file.data, file.n);
    assert_non_null(format);
    assert_int_equal(hg_scan_open(&scan, format->scan, &file, NULL, &limits, &err), HG_STATUS_OK);
    double sum = 0, count = 0;
    for (int at = 0; at < scan.n_slices[HG_IMAGE_AXIS_AXIAL] * scan.source.n_frames; at++) {
        hg_image_view view = {.axis = HG_IMAGE_AXIS_AXIAL};
        hg_frame frame = {0};
        view.frame = at / scan.n_slices[HG_IMAGE_AXIS_AXIAL];
        view.slice = at % scan.n_slices[HG_IMAGE_AXIS_AXIAL];
        if (hg_scan_read(&scan, &view, &frame, &err) != HG_STATUS_OK)
            fail_msg("%s: %s", name, err.text);
        for (size_t i = 0; i < hg_frame_count(&frame); i += (size_t)frame.width) {
            double row[512];
            assert_in_range(frame.width, 1, 512);
            hg_frame_get(&frame, i, (size_t)frame.width, row);
            for (int x = 0; x < frame.width; x++) {
                double value = scan.display.slope * row[x] + scan.display.intercept;
                minimum = fmin(minimum, value);
                maximum = fmax(maximum, value);
                sum += value;
            }
        }
        count += (double)hg_frame_count(&frame);
        hg_frame_deinit(&frame);
    }
    hg_scan_close(&scan);
    hg_file_map_close(&map);
    double mean = json_number_value(json_object_get(line, "mean"));
    double low = json_number_value(json_object_get(line, "min"));
    double high = json_number_value(json_object_get(line, "max"));
    double close = 1e-6 * fmax(1, fmax(fabs(low), fabs(high)));
    if (fabs(minimum - low) > close || fabs(maximum - high) > close || fabs(sum / count - mean) > close)
        fail_msg("%s: %g..%g, mean %g, not %g..%g, mean %g", name, minimum, maximum, sum / count, low, high,
                 mean);
}

static void test_volumes(void **state)
{
    (void)state;
    char text[8192];
    int n = 0;
    FILE *file = fopen(CORPUS_REFERENCE, "r");
    if (file == NULL) {
        print_message("skipped: %s is not there\n", CORPUS_REFERENCE);
        skip();
    }
    while (fgets(text, sizeof text, file) != NULL) {
        json_t *line = json_loads(text, 0, NULL);
        assert_non_null(line);
        if (json_object_get(line, "affine") != NULL) {
            corpus_check_volume(line);
            n++;
        }
        json_decref(line);
    }
    fclose(file);
    assert_true(n > 20);
}

/* Every folder of files as series, each along every axis: pictures, or an error that blames a file. */
static void test_every_folder(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t n_series;
    } folders[] = {{"dicom/ct_series_totalseg", 1},
                   {"dicom/mr_series_t1_datalad", 1},
                   {"dicom/mr_t1c_vs_seg", 1},
                   {"dicom/pydicom_data", 0},
                   {"dicom/pydicom_test_files", 0}};
    if (!golden_have_shared()) {
        print_message("skipped: the shared data set is not there\n");
        skip();
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[HG_PATH_BYTES];
        static hg_image_series series[200];
        hg_error err = {0};
        size_t n;
        golden_path(path, "shared", folders[i].name);
        if (hg_image_list_series(path, series, 200, &n, &err) != HG_STATUS_OK)
            fail_msg("%s", err.text);
        assert_true(folders[i].n_series == n || (folders[i].n_series == 0 && n > 5 && n < 200));
        for (size_t s = 0; s < 4 * n; s++) {
            hg_image *images[3];
            size_t n_images;
            char number[20];
            hg_image_view view = hg_image_view_default();
            snprintf(number, sizeof number, "%zu", s / 4);
            view.series = number;
            view.axis = (hg_image_axis)(s % 4);
            hg_status status = hg_image_open_slices(images, 3, &n_images, path, &view, &err);
            if (status == HG_STATUS_FAILED || (status != HG_STATUS_OK && strstr(err.text, "decoder") != NULL))
                fail_msg("series %zu: %s", s / 4, err.text);
            for (size_t k = 0; status == HG_STATUS_OK && k < n_images; k++)
                hg_image_close(images[k]);
        }
    }
}

typedef struct corpus_tally {
    const char *folder;
    int n, n_refused;
} corpus_tally;

/* Any file is a picture or an error of one line that begins with its path and blames the file; a crash of a
 * decoder would also be one, so its text is looked for. */
static hg_status corpus_open_any(void *user, const char *name, hg_error *err)
{
    (void)err;
    corpus_tally *tally = user;
    char path[HG_PATH_BYTES];
    hg_image *image;
    hg_error mine = {0};
    snprintf(path, sizeof path, "%s/%s", tally->folder, name);
    hg_status status = hg_image_open(&image, path, &mine);
    hg_image_close(image);
    tally->n++;
    tally->n_refused += status != HG_STATUS_OK;
    if (status != HG_STATUS_OK && (status != HG_STATUS_INPUT || strncmp(mine.text, path, strlen(path)) != 0 ||
                                   strstr(mine.text, "decoder") != NULL))
        fail_msg("%s: status %d, '%s'", path, (int)status, mine.text);
    return HG_STATUS_OK;
}

static void test_every_file(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        int n_refused; /* reports, plans, structure sets, truncated files, texts */
    } folders[] = {{"dicom/pydicom_test_files", 16},     {"dicom/pydicom_data", 0},
                   {"dicom/ct_series_totalseg", 0},      {"dicom/mr_series_t1_datalad", 0},
                   {"dicom/mr_t1c_vs_seg", 0},           {"wsi", 1},
                   {"images/histopathology_nct_crc", 0}, {"volumes/nibabel_test", 3}};
    if (!golden_have_shared()) {
        print_message("skipped: the shared data set is not there\n");
        skip();
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[HG_PATH_BYTES];
        corpus_tally tally = {.folder = path};
        hg_error err = {0};
        golden_path(path, "shared", folders[i].folder);
        assert_int_equal(hg_folder_list(path, corpus_open_any, &tally, &err), HG_STATUS_OK);
        if (tally.n < 3 || tally.n_refused != folders[i].n_refused)
            fail_msg("%s: %d of %d files refused, not %d", path, tally.n_refused, tally.n,
                     folders[i].n_refused);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored_values), cmocka_unit_test(test_other_codings),
        cmocka_unit_test(test_lossy_values),  cmocka_unit_test(test_volumes),
        cmocka_unit_test(test_every_file),    cmocka_unit_test(test_every_folder)};
    return cmocka_run_group_tests_name("dicom_corpus", tests, NULL, NULL);
}
