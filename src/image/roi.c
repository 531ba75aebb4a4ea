/* SPDX-License-Identifier: Apache-2.0
 *
 * roi.c: which pixels a mark covers, and the blending. Widths follow MedVP's: 3 pixels in a picture of 336,
 * at its mean opacity (176 of 255); where it draws by chance, as an arrow's direction, this is fixed, so that
 * a question can be asked again. Every pixel is blended once, also where strokes of a mark cross.
 */
#include <healthgpt/roi.h>

#include "base/error.h"
#include "base/memory.h"
#include "image/pixels.h"
#include "image/rgb.h"
#include "image/scan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROI_OPACITY 176

static const struct {
    const char *name;
    uint8_t rgb[3];
} roi_colours[HG_ROI_MAX] = {{"red", {255, 0, 0}},      {"green", {0, 255, 0}},     {"blue", {0, 0, 255}},
                             {"yellow", {255, 255, 0}}, {"magenta", {255, 0, 255}}, {"cyan", {0, 255, 255}}};

static const char *const roi_shapes[3] = {"box", "ellipse", "arrow"};

static bool roi_parse_shape(hg_roi *roi, const char *name)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, roi_shapes[i]) == 0) {
            roi->shape = (hg_roi_shape)i;
            return true;
        }
    }
    return false;
}

hg_status hg_roi_parse(hg_roi *roi, const char *text, hg_error *err)
{
    int *const places[4] = {&roi->x, &roi->y, &roi->width, &roi->height};
    const char *at = text;
    bool ok = true;
    *roi = (hg_roi){0};
    for (int i = 0; ok && i < 4; i++) {
        char *end;
        long value = strtol(at, &end, 10);
        ok = end != at && value >= 0 && value <= HG_IMAGE_MAX_SIDE && (*end == ',' || (i == 3 && *end == 0));
        *places[i] = (int)value;
        at = ok && *end == ',' ? end + 1 : end;
        ok = ok && (i < 3 || *end == 0 || roi_parse_shape(roi, at));
    }
    if (ok && roi->width > 0 && roi->height > 0)
        return HG_STATUS_OK;
    return hg_error_set(
        err, HG_STATUS_USAGE,
        "region '%.60s': X,Y,WIDTH,HEIGHT in pixels from 0, then perhaps ,box ,ellipse or ,arrow", text);
}

/* One mark in the picture's coordinates: pixel (x, y) has its middle at (x + 0.5, y + 0.5). */
typedef struct roi_mark {
    hg_roi roi;
    double width;        /* of a line */
    double tip[2];       /* of an arrow */
    double direction[2]; /* from the tip along the shaft; length 1 */
    double length;
    double head;
} roi_mark;

static roi_mark roi_plan(const hg_roi *roi, const hg_image *image)
{
    int side = image->width > image->height ? image->width : image->height;
    double scale = side / 336.0;
    roi_mark mark = {.roi = *roi, .width = fmax(1, floor(3 * scale))};
    mark.tip[0] = roi->x + roi->width / 2.0;
    mark.tip[1] = roi->y + roi->height / 2.0;
    mark.direction[0] = mark.tip[0] < image->width / 2.0 ? M_SQRT1_2 : -M_SQRT1_2;
    mark.direction[1] = mark.tip[1] < image->height / 2.0 ? M_SQRT1_2 : -M_SQRT1_2;
    mark.length = fmax(50 * scale, 4 * mark.width);
    mark.head = 0.35 * mark.length;
    return mark;
}

static bool roi_in_box(const roi_mark *mark, double x, double y)
{
    const hg_roi *r = &mark->roi;
    double w = mark->width;
    if (x < r->x || y < r->y || x > r->x + r->width || y > r->y + r->height)
        return false;
    return x < r->x + w || y < r->y + w || x > r->x + r->width - w || y > r->y + r->height - w;
}

static bool roi_in_ring(const roi_mark *mark, double x, double y)
{
    const hg_roi *r = &mark->roi;
    double a = r->width / 2.0, b = r->height / 2.0, dx = x - (r->x + a), dy = y - (r->y + b);
    double inner_a = a - mark->width, inner_b = b - mark->width;
    if (dx * dx / (a * a) + dy * dy / (b * b) > 1)
        return false;
    return inner_a <= 0 || inner_b <= 0 || dx * dx / (inner_a * inner_a) + dy * dy / (inner_b * inner_b) > 1;
}

/* A triangle that narrows to the tip, its half angle 30 degrees, and a shaft. */
static bool roi_in_arrow(const roi_mark *mark, double x, double y)
{
    double dx = x - mark->tip[0], dy = y - mark->tip[1];
    double along = dx * mark->direction[0] + dy * mark->direction[1];
    double across = fabs(dx * mark->direction[1] - dy * mark->direction[0]);
    if (along < 0 || along > mark->length)
        return false;
    return along <= mark->head ? across <= along * 0.57735026918962576 : across <= mark->width / 2;
}

static bool roi_covers(const roi_mark *mark, double x, double y)
{
    switch (mark->roi.shape) {
    case HG_ROI_SHAPE_BOX:
        return roi_in_box(mark, x, y);
    case HG_ROI_SHAPE_ELLIPSE:
        return roi_in_ring(mark, x, y);
    case HG_ROI_SHAPE_ARROW:
        return roi_in_arrow(mark, x, y);
    }
    return false;
}

static void roi_blend(hg_image *image, const roi_mark *mark, const uint8_t rgb[3])
{
    uint8_t *pixel = image->samples;
    for (int y = 0; y < image->height; y++) {
        for (int x = 0; x < image->width; x++, pixel += 3) {
            if (!roi_covers(mark, x + 0.5, y + 0.5))
                continue;
            for (int c = 0; c < 3; c++)
                pixel[c] = (uint8_t)((pixel[c] * (255 - ROI_OPACITY) + rgb[c] * ROI_OPACITY + 127) / 255);
        }
    }
}

static hg_status roi_check(const hg_image *image, const hg_roi *rois, size_t n, hg_error *err)
{
    if (n < 1 || n > HG_ROI_MAX)
        return hg_error_set(err, HG_STATUS_USAGE, "%zu regions; 1..%d are possible", n, HG_ROI_MAX);
    for (size_t i = 0; i < n; i++) {
        const hg_roi *r = &rois[i];
        if (r->x < 0 || r->y < 0 || r->width < 1 || r->height < 1 || r->width > image->width ||
            r->height > image->height || r->x > image->width - r->width || r->y > image->height - r->height ||
            (unsigned)r->shape > HG_ROI_SHAPE_ARROW)
            return hg_error_set(err, HG_STATUS_USAGE,
                                "region %d,%d,%d,%d does not lie inside the picture of %d x %d pixels", r->x,
                                r->y, r->width, r->height, image->width, image->height);
    }
    return HG_STATUS_OK;
}

hg_status hg_roi_draw(hg_image **marked, const hg_image *image, const hg_roi *rois, size_t n, hg_error *err)
{
    *marked = NULL;
    hg_status status = roi_check(image, rois, n, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_image *out = hg_mem_alloc(sizeof *out);
    if (out == NULL)
        return hg_error_memory(err, sizeof *out, "an image");
    hg_image_init(out);
    status = hg_image_to_rgb(out, image, err);
    if (status != HG_STATUS_OK) {
        hg_image_close(out);
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        roi_mark mark = roi_plan(&rois[i], out);
        roi_blend(out, &mark, roi_colours[i].rgb);
    }
    out->source = image->source;
    *marked = out;
    return HG_STATUS_OK;
}

void hg_roi_describe(char text[HG_ROI_TEXT_BYTES], const hg_roi *rois, size_t n)
{
    size_t at = 0;
    text[0] = 0;
    for (size_t i = 0; i < n && i < HG_ROI_MAX; i++) {
        bool arrow = rois[i].shape == HG_ROI_SHAPE_ARROW;
        int more = snprintf(text + at, HG_ROI_TEXT_BYTES - at, "%sRegion %zu is %s the %s %s.",
                            i > 0 ? " " : "", i + 1, arrow ? "pointed to by" : "within", roi_colours[i].name,
                            roi_shapes[rois[i].shape]);
        at += more > 0 ? (size_t)more : 0;
    }
}
