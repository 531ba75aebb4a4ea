/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_reader.c: the meaning of a DICOM image's attributes: layout of its pixels (here, once a file) and how
 * a frame is to be shown (dicom_display.c, for each frame, because enhanced files may give every frame its
 * own values). Attributes of frames are looked for in the frame's functional groups, then in the shared ones,
 * then in the data set itself.
 */
#include "image/dicom_reader.h"

#include "base/memory.h"
#include "image/dicom_display.h"
#include "image/dicom_frame.h"

#include <stdio.h>
#include <string.h>

#define DICOM_MAX_FRAMES 100000

typedef struct dicom_state {
    hg_dicom *dicom;
    hg_dicom_layout layout;
    char model[20];
} dicom_state;

static uint32_t dicom_word(const uint8_t *p, bool big)
{
    return big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

/* A data set without preamble begins with the first attributes of group 2 or 8, in one of the byte orders;
 * the value's length, or its type as two capital letters, must make sense. */
static bool dicom_probe_bare(const uint8_t *bytes, size_t n)
{
    if (n < 12)
        return false;
    bool big = bytes[0] == 0;
    uint32_t group = dicom_word(bytes, big), element = dicom_word(bytes + 2, big);
    if ((group != 2 && group != 8) || element > 0x0100)
        return false;
    bool typed = bytes[4] >= 'A' && bytes[4] <= 'Z' && bytes[5] >= 'A' && bytes[5] <= 'Z';
    bool bounded = !big && dicom_word(bytes + 6, false) == 0 && dicom_word(bytes + 4, false) <= 0x400;
    return typed || bounded;
}

static bool dicom_probe(const uint8_t *bytes, size_t n)
{
    return (n >= 132 && memcmp(bytes + 128, "DICM", 4) == 0) || dicom_probe_bare(bytes, n);
}

/* An attribute that must be a whole number from `min` to `max`; `usual` when it is absent. */
static hg_status dicom_whole(int *out, const hg_dicom_item *item, uint32_t tag, const char *name, int usual,
                             int min, int max, hg_error *err)
{
    double value = usual;
    hg_dicom_get_number(item, tag, 0, &value);
    if (!(value >= min && value <= max) || value != (double)(int)value)
        return hg_error_set(err, HG_STATUS_INPUT, "%s is %g; %d..%d are known", name, value, min, max);
    *out = (int)value;
    return HG_STATUS_OK;
}

static hg_status dicom_read_depth(hg_dicom_layout *layout, const hg_dicom_item *root, hg_error *err)
{
    int is_signed = 0;
    hg_status status = dicom_whole(&layout->bits_allocated, root, HG_DICOM_TAG(0x0028, 0x0100),
                                   "BitsAllocated", 0, 1, 64, err);
    if (status != HG_STATUS_OK)
        return status;
    int bits = layout->bits_allocated;
    bool real = layout->pixels == HG_DICOM_PIXELS_FLOAT || layout->pixels == HG_DICOM_PIXELS_DOUBLE;
    if (real) {
        layout->bits_allocated = layout->bits_stored = layout->pixels == HG_DICOM_PIXELS_FLOAT ? 32 : 64;
        layout->high_bit = layout->bits_stored - 1;
        layout->is_signed = true;
        return HG_STATUS_OK;
    }
    if (bits != 1 && bits != 8 && bits != 16 && bits != 32)
        return hg_error_set(err, HG_STATUS_INPUT, "BitsAllocated is %d; 1, 8, 16 and 32 are known", bits);
    status = dicom_whole(&layout->bits_stored, root, HG_DICOM_TAG(0x0028, 0x0101), "BitsStored", bits, 1,
                         bits, err);
    if (status == HG_STATUS_OK)
        status = dicom_whole(&layout->high_bit, root, HG_DICOM_TAG(0x0028, 0x0102), "HighBit",
                             layout->bits_stored - 1, layout->bits_stored - 1, bits - 1, err);
    if (status == HG_STATUS_OK)
        status =
            dicom_whole(&is_signed, root, HG_DICOM_TAG(0x0028, 0x0103), "PixelRepresentation", 0, 0, 1, err);
    layout->is_signed = is_signed != 0;
    return status;
}

static hg_status dicom_read_layout(hg_dicom_layout *layout, const hg_dicom_item *root, const char *model,
                                   hg_error *err)
{
    int planar = 0;
    hg_status status =
        dicom_whole(&layout->height, root, HG_DICOM_TAG(0x0028, 0x0010), "Rows", 0, 0, 65535, err);
    if (status == HG_STATUS_OK)
        status = dicom_whole(&layout->width, root, HG_DICOM_TAG(0x0028, 0x0011), "Columns", 0, 0, 65535, err);
    if (status == HG_STATUS_OK)
        status = hg_image_check_size(&layout->limits, (uint64_t)layout->width, (uint64_t)layout->height, err);
    if (status == HG_STATUS_OK)
        status = dicom_whole(&layout->channels, root, HG_DICOM_TAG(0x0028, 0x0002), "SamplesPerPixel", 1, 1,
                             4, err);
    if (status == HG_STATUS_OK)
        status = dicom_whole(&layout->n_frames, root, HG_DICOM_TAG(0x0028, 0x0008), "NumberOfFrames", 1, 1,
                             DICOM_MAX_FRAMES, err);
    if (status == HG_STATUS_OK)
        status =
            dicom_whole(&planar, root, HG_DICOM_TAG(0x0028, 0x0006), "PlanarConfiguration", 0, 0, 1, err);
    if (status == HG_STATUS_OK)
        status = dicom_read_depth(layout, root, err);
    bool native = layout->pixels != HG_DICOM_PIXELS_ENCAPSULATED;
    layout->planar = planar != 0 && native;
    layout->half_chroma = native && strcmp(model, "YBR_FULL_422") == 0 && layout->channels == 3;
    if (status == HG_STATUS_OK && layout->half_chroma && layout->bits_allocated != 8)
        return hg_error_set(err, HG_STATUS_INPUT, "YBR_FULL_422 of %d bits; 8 are known",
                            layout->bits_allocated);
    return status;
}

/* Not from the standard: the kinds of pictures that usually show a name or a date. */
static bool dicom_may_show_names(const hg_dicom_item *root, const char *modality)
{
    static const char capture[] = "1.2.840.10008.5.1.4.1.1.7";
    char text[68] = "";
    if (hg_dicom_get_text(root, HG_DICOM_TAG(0x0028, 0x0301), 0, text, sizeof text))
        return strcmp(text, "NO") != 0;
    if (strcmp(modality, "US") == 0 || strcmp(modality, "XC") == 0 || strcmp(modality, "ES") == 0)
        return true;
    return hg_dicom_get_text(root, HG_DICOM_TAG(0x0008, 0x0016), 0, text, sizeof text) &&
           strncmp(text, capture, sizeof capture - 1) == 0;
}

static bool dicom_is_lossy(const hg_dicom_item *root, const char *syntax)
{
    static const char *const lossy[] = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51",
                                        "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91"};
    char text[8] = "";
    hg_dicom_get_text(root, HG_DICOM_TAG(0x0028, 0x2110), 0, text, sizeof text);
    bool is_lossy = strcmp(text, "01") == 0;
    for (size_t i = 0; i < sizeof lossy / sizeof lossy[0]; i++)
        is_lossy = is_lossy || strcmp(syntax, lossy[i]) == 0;
    return is_lossy;
}

static void dicom_describe(hg_image_source *source, const dicom_state *state, const hg_dicom_item *root)
{
    const hg_dicom_layout *layout = &state->layout;
    hg_dicom_get_text(root, HG_DICOM_TAG(0x0008, 0x0060), 0, source->modality, sizeof source->modality);
    hg_dicom_get_text(root, HG_DICOM_TAG(0x0008, 0x0018), 0, source->instance_uid,
                      sizeof source->instance_uid);
    snprintf(source->photometric, sizeof source->photometric, "%s", state->model);
    snprintf(source->transfer_syntax, sizeof source->transfer_syntax, "%s",
             hg_dicom_transfer_syntax(state->dicom));
    source->bits_stored = layout->bits_stored;
    source->is_float = layout->pixels == HG_DICOM_PIXELS_FLOAT || layout->pixels == HG_DICOM_PIXELS_DOUBLE;
    source->is_signed = layout->is_signed;
    source->n_frames = layout->n_frames;
    source->lossy = dicom_is_lossy(root, source->transfer_syntax);
    source->burned_in = dicom_may_show_names(root, source->modality);
}

static hg_status dicom_open(hg_scan *scan, const hg_image_file *bytes, hg_error *err)
{
    dicom_state *state = hg_mem_array(1, sizeof *state);
    if (state == NULL)
        return hg_error_memory(err, sizeof *state, "a DICOM file");
    scan->state = state;
    hg_status status = hg_dicom_open(&state->dicom, bytes->data, bytes->n, err);
    if (status != HG_STATUS_OK)
        return status;
    const hg_dicom_item *root = hg_dicom_root(state->dicom);
    state->layout.limits = scan->limits;
    state->layout.pixels = hg_dicom_get_pixels(state->dicom);
    if (state->layout.pixels == HG_DICOM_PIXELS_NONE)
        return hg_error_set(err, HG_STATUS_INPUT, "the DICOM file has no picture");
    snprintf(state->model, sizeof state->model, "MONOCHROME2");
    hg_dicom_get_text(root, HG_DICOM_TAG(0x0028, 0x0004), 0, state->model, sizeof state->model);
    status = dicom_read_layout(&state->layout, root, state->model, err);
    if (status == HG_STATUS_OK)
        dicom_describe(&scan->source, state, root);
    return status;
}

static hg_status dicom_read(hg_scan *scan, hg_frame *frame, hg_error *err)
{
    const dicom_state *state = scan->state;
    char model[20];
    scan->source.instance_frame = scan->source.frame;
    memcpy(model, state->model, sizeof model);
    hg_status status =
        hg_dicom_frame_read(frame, state->dicom, &state->layout, (size_t)scan->source.frame, model, err);
    if (status != HG_STATUS_OK)
        return status;
    return hg_dicom_display_init(&scan->display, state->dicom, &state->layout, model, &scan->source, err);
}

static void dicom_close(hg_scan *scan)
{
    dicom_state *state = scan->state;
    if (state != NULL)
        hg_dicom_close(state->dicom);
    hg_mem_free(state);
    scan->state = NULL;
}

static const hg_scan_format dicom_scan = {.open = dicom_open, .read = dicom_read, .close = dicom_close};

const hg_image_format hg_dicom_format = {
    .name = "dicom", .probe = dicom_probe, .scan = &dicom_scan, .prepare = hg_dicom_prepare};
