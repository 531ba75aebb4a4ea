/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_display.c: the attributes of the modality LUT, VOI LUT and palette modules. Tables are copied,
 * because the display may outlive the look-up. Invariant: every table has at least one entry.
 */
#include "image/dicom_display.h"

#include "base/memory.h"
#include "image/scan.h"

#include <math.h>
#include <string.h>

#define TAG_SHARED_GROUPS HG_DICOM_TAG(0x5200, 0x9229)
#define TAG_FRAME_GROUPS HG_DICOM_TAG(0x5200, 0x9230)
#define TAG_TRANSFORMATION HG_DICOM_TAG(0x0028, 0x9145)
#define TAG_FRAME_VOI HG_DICOM_TAG(0x0028, 0x9132)
#define TAG_MEASURES HG_DICOM_TAG(0x0028, 0x9110)
#define TAG_CENTRE HG_DICOM_TAG(0x0028, 0x1050)
#define TAG_WIDTH HG_DICOM_TAG(0x0028, 0x1051)
#define TAG_EXPLANATION HG_DICOM_TAG(0x0028, 0x1055)
#define TAG_PIXEL_SPACING HG_DICOM_TAG(0x0028, 0x0030)

/* The item of a functional group for a frame; the data set itself in files without groups. */
static const hg_dicom_item *display_group(const hg_dicom *dicom, int frame, uint32_t group)
{
    const hg_dicom_item *root = hg_dicom_root(dicom);
    const hg_dicom_item *item =
        hg_dicom_item_get(hg_dicom_item_get(root, TAG_FRAME_GROUPS, (size_t)frame), group, 0);
    if (item == NULL)
        item = hg_dicom_item_get(hg_dicom_item_get(root, TAG_SHARED_GROUPS, 0), group, 0);
    return item != NULL ? item : root;
}

/* One entry of a descriptor. Numbers from 32768 on are negative where pixels are signed. */
static bool display_descriptor(const hg_dicom_item *item, uint32_t tag, size_t index, bool is_signed,
                               int *out)
{
    double value;
    if (!hg_dicom_get_number(item, tag, index, &value) || !(value >= -32768 && value <= 65535))
        return false;
    *out = (int)value;
    if (is_signed && *out > 32767)
        *out -= 65536;
    return true;
}

/* A table by its descriptor (entries, first value, bits) and data. Tables of 8 bits may have two entries in a
 * word. */
static hg_status display_table(hg_lut *lut, const hg_dicom_item *item, uint32_t descriptor, uint32_t data,
                               bool is_signed, hg_error *err)
{
    int n, first, bits;
    size_t n_words = 0;
    if (!display_descriptor(item, descriptor, 0, false, &n) || n < 0 ||
        !display_descriptor(item, descriptor, 1, is_signed, &first) ||
        !display_descriptor(item, descriptor, 2, false, &bits) || bits < 1 || bits > 16)
        return hg_error_set(err, HG_STATUS_INPUT, "the descriptor of a lookup table is damaged");
    uint16_t *words = hg_dicom_get_words(item, data, &n_words);
    size_t wanted = n == 0 ? 65536 : (size_t)n;
    if (words == NULL || n_words == 0) {
        hg_mem_free(words);
        return hg_error_set(err, HG_STATUS_INPUT, "a lookup table has no data");
    }
    if (n_words < wanted && bits <= 8 && 2 * n_words >= wanted) {
        uint16_t *bytes = hg_mem_array(2 * n_words, sizeof *bytes);
        for (size_t i = 0; bytes != NULL && i < n_words; i++) {
            bytes[2 * i] = words[i] & 0xff;
            bytes[2 * i + 1] = words[i] >> 8;
        }
        hg_mem_free(words);
        words = bytes;
        n_words *= 2;
        if (words == NULL)
            return hg_error_memory(err, n_words * sizeof *words, "a lookup table");
    }
    if (n_words < wanted) {
        hg_mem_free(words);
        return hg_error_set(err, HG_STATUS_INPUT, "a lookup table has %zu of %zu entries", n_words, wanted);
    }
    *lut = (hg_lut){.entries = words, .n = wanted, .first = first, .bits = bits};
    return HG_STATUS_OK;
}

static hg_status display_read_modality(hg_display *d, const hg_dicom *dicom, const hg_dicom_layout *layout,
                                       int frame, hg_error *err)
{
    const hg_dicom_item *table = hg_dicom_item_get(hg_dicom_root(dicom), HG_DICOM_TAG(0x0028, 0x3000), 0);
    if (table != NULL)
        return display_table(&d->modality, table, HG_DICOM_TAG(0x0028, 0x3002), HG_DICOM_TAG(0x0028, 0x3006),
                             layout->is_signed, err);
    const hg_dicom_item *item = display_group(dicom, frame, TAG_TRANSFORMATION);
    hg_dicom_get_number(item, HG_DICOM_TAG(0x0028, 0x1053), 0, &d->slope);
    hg_dicom_get_number(item, HG_DICOM_TAG(0x0028, 0x1052), 0, &d->intercept);
    if (!isfinite(d->slope) || !isfinite(d->intercept) || d->slope == 0) {
        d->slope = 1;
        d->intercept = 0;
    }
    return HG_STATUS_OK;
}

static void display_read_windows(hg_display *d, const hg_dicom_item *item, hg_image_source *source)
{
    char text[20] = "";
    source->n_windows = 0;
    while (source->n_windows < HG_IMAGE_MAX_WINDOWS) {
        hg_image_window *window = &source->windows[source->n_windows];
        size_t i = (size_t)source->n_windows;
        *window = (hg_image_window){0};
        if (!hg_dicom_get_number(item, TAG_CENTRE, i, &window->centre) ||
            !hg_dicom_get_number(item, TAG_WIDTH, i, &window->width))
            break;
        hg_dicom_get_text(item, TAG_EXPLANATION, i, window->name, sizeof window->name);
        source->n_windows++;
    }
    hg_dicom_get_text(item, HG_DICOM_TAG(0x0028, 0x1056), 0, text, sizeof text);
    d->function = strcmp(text, "SIGMOID") == 0        ? HG_WINDOW_FUNCTION_SIGMOID
                  : strcmp(text, "LINEAR_EXACT") == 0 ? HG_WINDOW_FUNCTION_LINEAR_EXACT
                                                      : HG_WINDOW_FUNCTION_LINEAR;
}

/* A VOI table that cannot be used is no reason to refuse the picture; it is noted. */
static void display_read_voi(hg_display *d, const hg_dicom *dicom, const hg_dicom_layout *layout,
                             hg_image_source *source)
{
    const hg_dicom_item *item = display_group(dicom, source->frame, TAG_FRAME_VOI);
    const hg_dicom_item *table = hg_dicom_item_get(item, HG_DICOM_TAG(0x0028, 0x3010), 0);
    hg_error err = {0};
    display_read_windows(d, item, source);
    bool is_signed = layout->is_signed || d->intercept < 0;
    if (table != NULL && display_table(&d->voi, table, HG_DICOM_TAG(0x0028, 0x3002),
                                       HG_DICOM_TAG(0x0028, 0x3006), is_signed, &err) != HG_STATUS_OK)
        hg_scan_note(source, "the VOI table is not used: %.100s", err.text);
}

static void display_read_padding(hg_display *d, const hg_dicom_item *root, const hg_dicom_layout *layout)
{
    double low, high;
    if (!hg_dicom_get_number(root, HG_DICOM_TAG(0x0028, 0x0120), 0, &low))
        return;
    high = low;
    hg_dicom_get_number(root, HG_DICOM_TAG(0x0028, 0x0121), 0, &high);
    /* Files without types of their values give signed ones as unsigned. */
    if (layout->is_signed && low > 32767 && layout->bits_allocated == 16)
        low -= 65536;
    if (layout->is_signed && high > 32767 && layout->bits_allocated == 16)
        high -= 65536;
    d->has_padding = true;
    d->padding_low = fmin(low, high);
    d->padding_high = fmax(low, high);
}

static hg_status display_read_palette(hg_display *d, const hg_dicom_item *root, const hg_dicom_layout *layout,
                                      hg_error *err)
{
    for (uint32_t c = 0; c < 3; c++) {
        hg_status status = display_table(&d->palette[c], root, HG_DICOM_TAG(0x0028, 0x1101 + c),
                                         HG_DICOM_TAG(0x0028, 0x1201 + c), layout->is_signed, err);
        if (status != HG_STATUS_OK)
            return hg_error_prefix(err, status, "palette %u", c);
    }
    return HG_STATUS_OK;
}

static void display_read_spacing(const hg_dicom *dicom, hg_image_source *source)
{
    const hg_dicom_item *item = display_group(dicom, source->frame, TAG_MEASURES);
    uint32_t tag = TAG_PIXEL_SPACING;
    double probe;
    if (!hg_dicom_get_number(item, tag, 0, &probe))
        tag = HG_DICOM_TAG(0x0018, 0x1164); /* of the detector, for projections */
    hg_dicom_get_number(item, tag, 1, &source->spacing[0]);
    hg_dicom_get_number(item, tag, 0, &source->spacing[1]);
    if (!hg_dicom_get_number(item, HG_DICOM_TAG(0x0018, 0x0088), 0, &source->spacing[2]))
        hg_dicom_get_number(item, HG_DICOM_TAG(0x0018, 0x0050), 0, &source->spacing[2]);
}

/* Slices of a tilted gantry are sheared against each other; each by itself is right. */
static void display_note_tilt(const hg_dicom_item *root, hg_image_source *source)
{
    double degrees = 0;
    hg_dicom_get_number(root, HG_DICOM_TAG(0x0018, 0x1120), 0, &degrees);
    if (isfinite(degrees) && degrees != 0)
        hg_scan_note(source, "the gantry was tilted by %g degrees", degrees);
}

static hg_status display_read_colour(hg_display *d, const char *model, const hg_dicom_layout *layout,
                                     hg_error *err)
{
    static const struct {
        const char *name;
        hg_display_colour colour;
        int channels;
    } known[] = {{"MONOCHROME1", HG_DISPLAY_COLOUR_GREY, 1}, {"MONOCHROME2", HG_DISPLAY_COLOUR_GREY, 1},
                 {"RGB", HG_DISPLAY_COLOUR_RGB, 3},          {"PALETTE COLOR", HG_DISPLAY_COLOUR_PALETTE, 1},
                 {"YBR_FULL", HG_DISPLAY_COLOUR_YBR, 3},     {"YBR_FULL_422", HG_DISPLAY_COLOUR_YBR, 3},
                 {"YBR_RCT", HG_DISPLAY_COLOUR_RGB, 3},      {"YBR_ICT", HG_DISPLAY_COLOUR_RGB, 3}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(model, known[i].name) == 0 && layout->channels == known[i].channels) {
            d->colour = known[i].colour;
            return HG_STATUS_OK;
        }
    }
    return hg_error_set(err, HG_STATUS_INPUT, "photometric interpretation '%s' with %d samples is not known",
                        model, layout->channels);
}

static void display_choose_rest(hg_display *d, const hg_dicom_layout *layout, const hg_image_source *source)
{
    bool plain = d->modality.entries == NULL && d->slope == 1 && d->intercept == 0;
    if (layout->bits_stored <= 8 && !layout->is_signed && plain)
        d->rest = HG_DISPLAY_REST_STORED;
    else if (strcmp(source->modality, "MR") == 0)
        d->rest = HG_DISPLAY_REST_PERCENTILE;
    else
        d->rest = HG_DISPLAY_REST_RANGE;
}

hg_status hg_dicom_display_init(hg_display *display, const hg_dicom *dicom, const hg_dicom_layout *layout,
                                const char *model, hg_image_source *source, hg_error *err)
{
    const hg_dicom_item *root = hg_dicom_root(dicom);
    char shape[20] = "";
    *display = hg_display_default(hg_dicom_sample_type(layout));
    display->bits_stored = layout->bits_stored;
    display->high_bit = layout->high_bit;
    hg_status status = display_read_colour(display, model, layout, err);
    if (status == HG_STATUS_OK && display->colour == HG_DISPLAY_COLOUR_PALETTE)
        status = display_read_palette(display, root, layout, err);
    if (status == HG_STATUS_OK && display->colour == HG_DISPLAY_COLOUR_GREY)
        status = display_read_modality(display, dicom, layout, source->frame, err);
    if (status != HG_STATUS_OK)
        return status;
    display_read_spacing(dicom, source);
    display_note_tilt(root, source);
    if (display->colour != HG_DISPLAY_COLOUR_GREY)
        return HG_STATUS_OK;
    display_read_voi(display, dicom, layout, source);
    display_read_padding(display, root, layout);
    hg_dicom_get_text(root, HG_DICOM_TAG(0x2050, 0x0020), 0, shape, sizeof shape);
    display->inverted = strcmp(model, "MONOCHROME1") == 0 || strcmp(shape, "INVERSE") == 0;
    display_choose_rest(display, layout, source);
    return HG_STATUS_OK;
}
