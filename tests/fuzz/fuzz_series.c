/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_series.c: any bytes as the files of a series: each a length (two bytes, the lower first) and so many
 * bytes. Listed, then shown along every axis, several slices at once.
 */
#include "image/dicom_file.h"
#include "image/series_reader.h"

#define FUZZ_MAX_FILES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t fuzz_split(hg_image_file members[FUZZ_MAX_FILES], const uint8_t *data, size_t size)
{
    size_t n = 0, at = 0;
    while (n < FUZZ_MAX_FILES && size - at > 2) {
        size_t length = data[at] | (size_t)data[at + 1] << 8;
        at += 2;
        length = length < size - at ? length : size - at;
        members[n++] = (hg_image_file){.data = data + at, .n = length, .name = "member"};
        at += length;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const hg_image_limits limits = {.max_pixels = 1 << 16, .max_side = 4096};
    hg_image_file members[FUZZ_MAX_FILES];
    hg_image_series list[4];
    hg_error err;
    size_t n;
    const hg_image_file file = {.members = members, .n_members = fuzz_split(members, data, size)};
    if (file.n_members == 0)
        return 0;
    hg_dicom_prepare();
    (void)!hg_series_list(list, 4, &n, &file, &err);
    for (int axis = HG_IMAGE_AXIS_DEFAULT; axis <= HG_IMAGE_AXIS_AXIAL; axis++) {
        hg_image images[3];
        hg_image_view view = hg_image_view_default();
        const hg_image_request request = {.view = &view, .limits = &limits, .wanted = 3};
        view.axis = (hg_image_axis)axis;
        for (int i = 0; i < 3; i++)
            hg_image_init(&images[i]);
        if (hg_image_decode_all(images, &n, &hg_series_format, &file, &request, &err) != HG_STATUS_OK)
            continue;
        for (size_t i = 0; i < n; i++)
            hg_image_deinit(&images[i]);
    }
    return 0;
}
