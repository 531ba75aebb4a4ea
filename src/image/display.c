/* SPDX-License-Identifier: Apache-2.0
 *
 * display.c: the pixel pipeline. Grey goes stored value -> measured value (modality table, or slope and
 * intercept) -> 0..1 (table, window or range) -> inversion -> 8 bits, one chunk of doubles at a time, so that
 * every sample type takes the same path. Order of choice: the caller's window, the file's first VOI table,
 * the file's first window, then the rest. Invariant: padding counts in no statistic.
 */
#include "image/display.h"

#include "base/memory.h"
#include "image/scan.h"
#include "image/selection.h"

#include <math.h>
#include <string.h>

#define DISPLAY_CHUNK 1024

typedef struct display_choice {
    hg_window_origin origin;
    hg_window_function function;
    double centre; /* of a window; of a range its middle */
    double width;
    double low; /* of a range */
    double high;
} display_choice;

hg_display hg_display_default(hg_sample_type type)
{
    int bits = 8 * (int)hg_sample_bytes(type);
    return (hg_display){.bits_stored = bits, .high_bit = bits - 1, .slope = 1};
}

/* Cuts off the bits above bits_stored and extends the sign; nothing to do for whole samples. */
static double display_mask(const hg_display *d, bool is_signed, double stored)
{
    int64_t value = (int64_t)stored >> (d->high_bit + 1 - d->bits_stored);
    uint64_t mask = ((uint64_t)1 << d->bits_stored) - 1;
    uint64_t kept = (uint64_t)value & mask;
    if (is_signed && kept >> (d->bits_stored - 1) != 0)
        return (double)(int64_t)kept - (double)(mask + 1);
    return (double)kept;
}

static bool display_is_whole(const hg_frame *frame, const hg_display *d)
{
    return hg_sample_is_float(frame->type) || d->bits_stored >= 8 * (int)hg_sample_bytes(frame->type) ||
           d->bits_stored < 1 || d->high_bit + 1 < d->bits_stored || d->bits_stored > 32;
}

/* n stored values from `at` on, masked. */
static void display_stored(const hg_frame *frame, const hg_display *d, size_t at, size_t n, double *out)
{
    hg_frame_get(frame, at, n, out);
    if (display_is_whole(frame, d))
        return;
    bool is_signed = hg_sample_is_signed(frame->type);
    for (size_t i = 0; i < n; i++)
        out[i] = display_mask(d, is_signed, out[i]);
}

static double display_measure(const hg_display *d, double stored)
{
    return d->modality.entries != NULL ? hg_lut_get(&d->modality, stored) : d->slope * stored + d->intercept;
}

/* Values that count: finite and not padding. Into `kept`, whose number is returned, when it is not NULL. */
static size_t display_gather(const hg_frame *frame, const hg_display *d, float *kept, double *low,
                             double *high)
{
    double chunk[DISPLAY_CHUNK];
    size_t n_kept = 0, n = hg_frame_count(frame);
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t at = 0; at < n; at += DISPLAY_CHUNK) {
        size_t m = n - at < DISPLAY_CHUNK ? n - at : DISPLAY_CHUNK;
        display_stored(frame, d, at, m, chunk);
        for (size_t i = 0; i < m; i++) {
            if (!isfinite(chunk[i]) ||
                (d->has_padding && chunk[i] >= d->padding_low && chunk[i] <= d->padding_high))
                continue;
            double value = display_measure(d, chunk[i]);
            *low = fmin(*low, value);
            *high = fmax(*high, value);
            if (kept != NULL)
                kept[n_kept] = (float)value;
            n_kept++;
        }
    }
    if (n_kept == 0)
        *low = *high = 0;
    return n_kept;
}

static hg_status display_percentiles(display_choice *choice, const hg_frame *frame, const hg_display *d,
                                     hg_error *err)
{
    size_t n = hg_frame_count(frame);
    float *values = hg_mem_array(n, sizeof *values);
    if (values == NULL)
        return hg_error_memory(err, n * sizeof *values, "the values of a frame");
    double low, high;
    size_t kept = display_gather(frame, d, values, &low, &high);
    choice->low = kept == 0 ? 0 : hg_select_percentile(values, kept, 1);
    choice->high = kept == 0 ? 0 : hg_select_percentile(values, kept, 99);
    hg_mem_free(values);
    return HG_STATUS_OK;
}

/* The ends that the file's type of sample gives, or the values. */
static hg_status display_choose_range(display_choice *choice, const hg_frame *frame, const hg_display *d,
                                      const hg_image_source *source, hg_error *err)
{
    choice->origin = d->pooled ? d->pool_origin : HG_WINDOW_ORIGIN_RANGE;
    choice->low = d->pooled ? d->pool_low : source->minimum;
    choice->high = d->pooled ? d->pool_high : source->maximum;
    if (d->pooled)
        ;
    else if (d->rest == HG_DISPLAY_REST_PERCENTILE) {
        choice->origin = HG_WINDOW_ORIGIN_PERCENTILE;
        hg_status status = display_percentiles(choice, frame, d, err);
        if (status != HG_STATUS_OK)
            return status;
        if (!(choice->high > choice->low)) { /* nearly all values the same: their range says more */
            choice->origin = HG_WINDOW_ORIGIN_RANGE;
            choice->low = source->minimum;
            choice->high = source->maximum;
        }
    } else if (d->rest == HG_DISPLAY_REST_UNIT) {
        choice->origin = HG_WINDOW_ORIGIN_NONE;
        choice->low = 0;
        choice->high = 1;
    } else if (d->rest == HG_DISPLAY_REST_STORED) {
        choice->origin = HG_WINDOW_ORIGIN_NONE;
        choice->low = 0;
        choice->high = ldexp(1, d->bits_stored) - 1;
    }
    choice->centre = (choice->low + choice->high) / 2;
    choice->width = choice->high - choice->low;
    return HG_STATUS_OK;
}

/* Whether all pictures take a range of their own values. */
static bool display_can_pool(hg_display *const *displays, size_t n)
{
    bool measured = false;
    for (size_t i = 0; i < n; i++) {
        const hg_display *d = displays[i];
        if (d->colour != HG_DISPLAY_COLOUR_GREY || d->voi.entries != NULL ||
            d->rest == HG_DISPLAY_REST_STORED)
            return false;
        measured = measured || d->rest != HG_DISPLAY_REST_UNIT; /* one slice outside 0..1 speaks for all */
    }
    return measured;
}

hg_status hg_display_pool(hg_display *const *displays, const hg_frame *const *frames, size_t n, hg_error *err)
{
    if (!display_can_pool(displays, n))
        return HG_STATUS_OK;
    size_t total = 0, kept = 0;
    for (size_t i = 0; i < n; i++)
        total += hg_frame_count(frames[i]);
    float *values = hg_mem_array(total, sizeof *values);
    if (values == NULL)
        return hg_error_memory(err, total * sizeof *values, "the values of the pictures");
    hg_display pool = {.pooled = true, .pool_low = INFINITY, .pool_high = -INFINITY};
    pool.pool_origin = HG_WINDOW_ORIGIN_RANGE;
    for (size_t i = 0; i < n; i++) {
        double low, high;
        size_t more = display_gather(frames[i], displays[i], values + kept, &low, &high);
        if (more > 0) {
            pool.pool_low = fmin(pool.pool_low, low);
            pool.pool_high = fmax(pool.pool_high, high);
        }
        kept += more;
    }
    if (displays[0]->rest == HG_DISPLAY_REST_PERCENTILE && kept > 0) {
        double low = hg_select_percentile(values, kept, 1), high = hg_select_percentile(values, kept, 99);
        if (high > low) {
            pool.pool_low = low;
            pool.pool_high = high;
            pool.pool_origin = HG_WINDOW_ORIGIN_PERCENTILE;
        }
    }
    hg_mem_free(values);
    for (size_t i = 0; kept > 0 && i < n; i++) {
        displays[i]->pooled = true;
        displays[i]->pool_low = pool.pool_low;
        displays[i]->pool_high = pool.pool_high;
        displays[i]->pool_origin = pool.pool_origin;
    }
    return HG_STATUS_OK;
}

void hg_display_measure(const hg_frame *frame, const hg_display *display, float *out)
{
    double chunk[DISPLAY_CHUNK];
    size_t n = hg_frame_count(frame);
    for (size_t at = 0; at < n; at += DISPLAY_CHUNK) {
        size_t m = n - at < DISPLAY_CHUNK ? n - at : DISPLAY_CHUNK;
        display_stored(frame, display, at, m, chunk);
        for (size_t i = 0; i < m; i++)
            *out++ = (float)display_measure(display, chunk[i]);
    }
}

void hg_display_deinit(hg_display *display)
{
    hg_mem_free(display->modality.entries);
    hg_mem_free(display->voi.entries);
    for (int c = 0; c < 3; c++)
        hg_mem_free(display->palette[c].entries);
    *display = (hg_display){0};
}

static hg_status display_choose_user(display_choice *choice, const char *text, hg_image_source *source,
                                     hg_error *err)
{
    hg_status status = hg_window_parse(&source->window, text, err);
    bool preset = source->window.name[0] != 0;
    choice->origin = preset ? HG_WINDOW_ORIGIN_PRESET : HG_WINDOW_ORIGIN_USER;
    choice->centre = source->window.centre;
    choice->width = source->window.width;
    if (status == HG_STATUS_OK && preset && source->modality[0] != 0 && strcmp(source->modality, "CT") != 0)
        hg_scan_note(source, "window '%s' is meant for Hounsfield units, but the modality is %s", text,
                     source->modality);
    return status;
}

static hg_status display_choose(display_choice *choice, const hg_frame *frame, const hg_display *d,
                                const char *window, hg_image_source *source, hg_error *err)
{
    *choice = (display_choice){.function = HG_WINDOW_FUNCTION_LINEAR};
    if (window != NULL)
        return display_choose_user(choice, window, source, err);
    if (d->voi.entries != NULL) {
        choice->origin = HG_WINDOW_ORIGIN_TABLE;
        choice->width = (double)d->voi.n;
        choice->centre = d->voi.first + choice->width / 2;
        return HG_STATUS_OK;
    }
    /* A window that cannot be is passed over, as if the file had none. */
    if (source->n_windows > 0 && hg_window_check(d->function, source->windows[0].centre,
                                                 source->windows[0].width, NULL) == HG_STATUS_OK) {
        source->window = source->windows[0];
        choice->origin = HG_WINDOW_ORIGIN_FILE;
        choice->function = d->function;
        choice->centre = source->window.centre;
        choice->width = source->window.width;
        return HG_STATUS_OK;
    }
    return display_choose_range(choice, frame, d, source, err);
}

/* Brightness 0..1 of a measured value. */
static double display_brightness(const hg_display *d, const display_choice *choice, double value)
{
    switch (choice->origin) {
    case HG_WINDOW_ORIGIN_USER:
    case HG_WINDOW_ORIGIN_PRESET:
    case HG_WINDOW_ORIGIN_FILE:
        return hg_window_apply(choice->function, choice->centre, choice->width, value);
    case HG_WINDOW_ORIGIN_TABLE:
        return fmin(1, hg_lut_get(&d->voi, value) / (ldexp(1, d->voi.bits) - 1));
    default:
        break;
    }
    double y = (value - choice->low) / (choice->high - choice->low);
    return y > 0 ? fmin(y, 1) : 0; /* a flat picture, and what is no number, is black */
}

static void display_grey(uint8_t *out, const hg_frame *frame, const hg_display *d,
                         const display_choice *choice)
{
    double chunk[DISPLAY_CHUNK];
    size_t n = hg_frame_count(frame);
    for (size_t at = 0; at < n; at += DISPLAY_CHUNK) {
        size_t m = n - at < DISPLAY_CHUNK ? n - at : DISPLAY_CHUNK;
        display_stored(frame, d, at, m, chunk);
        for (size_t i = 0; i < m; i++) {
            double y = display_brightness(d, choice, display_measure(d, chunk[i]));
            *out++ = (uint8_t)lrint(255 * (d->inverted ? 1 - y : y));
        }
    }
}

static uint8_t display_byte(double x)
{
    return (uint8_t)(x <= 0 ? 0 : x >= 255 ? 255 : floor(x + 0.5));
}

/* ITU-R BT.601, full range, as JPEG has it. */
static void display_ybr(uint8_t *rgb)
{
    double y = rgb[0], cb = rgb[1] - 128.0, cr = rgb[2] - 128.0;
    rgb[0] = display_byte(y + 1.402 * cr);
    rgb[1] = display_byte(y - 0.344136286 * cb - 0.714136286 * cr);
    rgb[2] = display_byte(y + 1.772 * cb);
}

static void display_palette(uint8_t *out, const hg_frame *frame, const hg_display *d)
{
    double chunk[DISPLAY_CHUNK];
    size_t n = hg_frame_count(frame);
    for (size_t at = 0; at < n; at += DISPLAY_CHUNK) {
        size_t m = n - at < DISPLAY_CHUNK ? n - at : DISPLAY_CHUNK;
        display_stored(frame, d, at, m, chunk);
        for (size_t i = 0; i < m; i++) {
            for (int c = 0; c < 3; c++)
                *out++ = (uint8_t)(hg_lut_get(&d->palette[c], chunk[i]) >> (d->palette[c].bits > 8 ? 8 : 0));
        }
    }
}

/* Colour samples of any integer type by their highest eight bits; a fourth one, alpha, is dropped. */
static void display_colour(uint8_t *out, const hg_frame *frame, const hg_display *d)
{
    size_t n = (size_t)frame->width * (size_t)frame->height, step = (size_t)frame->channels;
    double scale = ldexp(1, 8 - d->bits_stored);
    for (size_t i = 0; i < n; i++, out += 3) {
        double sample[3];
        display_stored(frame, d, i * step, 3, sample);
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)fmax(0, fmin(255, floor(sample[c] * scale)));
        if (d->colour == HG_DISPLAY_COLOUR_YBR)
            display_ybr(out);
    }
}

static hg_status display_check(const hg_frame *frame, const hg_display *d, const char *window, hg_error *err)
{
    bool grey = d->colour == HG_DISPLAY_COLOUR_GREY;
    if (!grey && window != NULL)
        return hg_error_set(err, HG_STATUS_USAGE, "a colour picture has no window");
    int wanted = grey || d->colour == HG_DISPLAY_COLOUR_PALETTE ? 1 : 3;
    if (frame->channels != wanted && !(wanted == 3 && frame->channels == 4))
        return hg_error_set(err, HG_STATUS_INPUT, "%d samples per pixel where %d belong", frame->channels,
                            wanted);
    if (!grey && (hg_sample_is_float(frame->type) || d->bits_stored < 1))
        return hg_error_set(err, HG_STATUS_INPUT, "colour of samples that are no whole numbers");
    for (int c = 0; c < 3; c++) {
        if (d->colour == HG_DISPLAY_COLOUR_PALETTE && d->palette[c].entries == NULL)
            return hg_error_set(err, HG_STATUS_INPUT, "a palette is missing");
    }
    return HG_STATUS_OK;
}

static hg_status display_show_grey(hg_image *out, const hg_frame *frame, const hg_display *d,
                                   const char *window, hg_image_source *source, hg_error *err)
{
    display_choice choice;
    display_gather(frame, d, NULL, &source->minimum, &source->maximum);
    hg_status status = display_choose(&choice, frame, d, window, source, err);
    if (status != HG_STATUS_OK)
        return status;
    source->origin = choice.origin;
    source->function = choice.function;
    source->window.centre = choice.centre;
    source->window.width = choice.width;
    source->inverted = d->inverted;
    display_grey(out->samples, frame, d, &choice);
    return HG_STATUS_OK;
}

hg_status hg_display_apply(hg_image *out, const hg_frame *frame, const hg_display *display,
                           const char *window, hg_image_source *source, hg_error *err)
{
    hg_status status = display_check(frame, display, window, err);
    bool grey = display->colour == HG_DISPLAY_COLOUR_GREY;
    if (status == HG_STATUS_OK)
        status = hg_image_alloc(out, frame->width, frame->height, grey ? 1 : 3, 8, err);
    if (status != HG_STATUS_OK)
        return status;
    source->slope = display->modality.entries == NULL ? display->slope : 0;
    source->intercept = display->modality.entries == NULL ? display->intercept : 0;
    if (grey)
        return display_show_grey(out, frame, display, window, source, err);
    if (display->colour == HG_DISPLAY_COLOUR_PALETTE)
        display_palette(out->samples, frame, display);
    else
        display_colour(out->samples, frame, display);
    return HG_STATUS_OK;
}
