/* SPDX-License-Identifier: Apache-2.0
 *
 * npy_reader.c: the header is a Python dictionary as text; only the three keys that NumPy writes, in any
 * order, are understood. Nothing of it is evaluated. Arrays of objects are refused.
 */
#include "image/npy_reader.h"

#include "base/checked.h"
#include "base/memory.h"

#include <string.h>

#define NPY_MAX_DIMENSIONS 4
#define NPY_MAX_HEADER 65536

typedef struct npy_state {
    hg_sample_type type;
    bool swapped;
    int64_t dim[NPY_MAX_DIMENSIONS]; /* T, D, H, W */
    const uint8_t *samples;
} npy_state;

typedef struct npy_text {
    const char *at;
    const char *end;
} npy_text;

static bool npy_probe(const uint8_t *bytes, size_t n)
{
    static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    return n >= 10 && memcmp(bytes, magic, sizeof magic) == 0;
}

static void npy_blank(npy_text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n'))
        t->at++;
}

/* Takes the mark when it comes next. */
static bool npy_take(npy_text *t, const char *mark)
{
    size_t n = strlen(mark);
    npy_blank(t);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, mark, n) != 0)
        return false;
    t->at += n;
    return true;
}

/* A text in single quotes, without escapes. */
static bool npy_take_string(npy_text *t, char *out, size_t n)
{
    size_t length = 0;
    if (!npy_take(t, "'"))
        return false;
    while (t->at < t->end && *t->at != '\'' && length + 1 < n)
        out[length++] = *t->at++;
    out[length] = 0;
    return npy_take(t, "'");
}

static bool npy_take_number(npy_text *t, int64_t *out)
{
    npy_blank(t);
    const char *begin = t->at;
    *out = 0;
    while (t->at < t->end && *t->at >= '0' && *t->at <= '9' && *out <= INT32_MAX)
        *out = 10 * *out + (*t->at++ - '0');
    return t->at > begin && *out <= INT32_MAX;
}

/* "(2, 3)", into the last places of `dim`; the others are 1. */
static bool npy_take_shape(npy_text *t, int64_t dim[NPY_MAX_DIMENSIONS], int *rank)
{
    int64_t found[NPY_MAX_DIMENSIONS];
    *rank = 0;
    if (!npy_take(t, "("))
        return false;
    while (!npy_take(t, ")")) {
        if (*rank == NPY_MAX_DIMENSIONS || !npy_take_number(t, &found[(*rank)++]))
            return false;
        if (!npy_take(t, ","))
            npy_blank(t);
    }
    for (int i = 0; i < NPY_MAX_DIMENSIONS; i++)
        dim[i] = i < NPY_MAX_DIMENSIONS - *rank ? 1 : found[i - (NPY_MAX_DIMENSIONS - *rank)];
    return true;
}

static bool npy_find_type(npy_state *state, const char *text)
{
    static const struct {
        const char *name;
        hg_sample_type type;
    } types[] = {{"b1", HG_SAMPLE_TYPE_U8},  {"u1", HG_SAMPLE_TYPE_U8},  {"i1", HG_SAMPLE_TYPE_I8},
                 {"u2", HG_SAMPLE_TYPE_U16}, {"i2", HG_SAMPLE_TYPE_I16}, {"u4", HG_SAMPLE_TYPE_U32},
                 {"i4", HG_SAMPLE_TYPE_I32}, {"u8", HG_SAMPLE_TYPE_U64}, {"i8", HG_SAMPLE_TYPE_I64},
                 {"f4", HG_SAMPLE_TYPE_F32}, {"f8", HG_SAMPLE_TYPE_F64}};
    if (text[0] != '<' && text[0] != '>' && text[0] != '|' && text[0] != '=')
        return false;
    state->swapped =
        (text[0] == '<' && !hg_machine_is_little()) || (text[0] == '>' && hg_machine_is_little());
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(text + 1, types[i].name) == 0) {
            state->type = types[i].type;
            return true;
        }
    }
    return false;
}

static hg_status npy_parse_header(npy_state *state, npy_text text, hg_error *err)
{
    char key[16], type[16] = "";
    int rank = -1;
    bool c_order = false, ok = npy_take(&text, "{");
    while (ok && !npy_take(&text, "}")) {
        ok = npy_take_string(&text, key, sizeof key) && npy_take(&text, ":");
        if (ok && strcmp(key, "descr") == 0)
            ok = npy_take_string(&text, type, sizeof type);
        else if (ok && strcmp(key, "fortran_order") == 0) {
            c_order = npy_take(&text, "False");
            ok = c_order || npy_take(&text, "True");
        } else
            ok = ok && strcmp(key, "shape") == 0 && npy_take_shape(&text, state->dim, &rank);
        if (ok && !npy_take(&text, ","))
            npy_blank(&text);
    }
    if (!ok || rank < 0)
        return hg_error_set(err, HG_STATUS_INPUT, "the header of the NumPy array is not understood");
    if (!npy_find_type(state, type))
        return hg_error_set(err, HG_STATUS_INPUT, "NumPy arrays of type '%s' are not read", type);
    if (!c_order)
        return hg_error_set(err, HG_STATUS_INPUT, "NumPy arrays in Fortran order are not read");
    if (rank < 2)
        return hg_error_set(err, HG_STATUS_INPUT, "a NumPy array of %d dimensions is no picture", rank);
    return HG_STATUS_OK;
}

/* Where the header lies and the data begin, for versions 1 to 3. */
static hg_status npy_find_header(npy_text *text, size_t *data, const hg_image_file *bytes, hg_error *err)
{
    const uint8_t *p = bytes->data;
    bool wide = p[6] >= 2;
    size_t begin = wide ? 12 : 10;
    if (p[6] < 1 || p[6] > 3 || bytes->n < begin)
        return hg_error_set(err, HG_STATUS_INPUT, "NumPy array files of version %d are not read", p[6]);
    size_t length = (size_t)p[8] | (size_t)p[9] << 8;
    if (wide)
        length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (length > NPY_MAX_HEADER || length > bytes->n - begin)
        return hg_error_set(err, HG_STATUS_INPUT, "the NumPy array's header of %zu bytes is too long",
                            length);
    *text = (npy_text){(const char *)p + begin, (const char *)p + begin + length};
    *data = begin + length;
    return HG_STATUS_OK;
}

static hg_status npy_check_size(const npy_state *state, const hg_image_limits *limits, size_t available,
                                hg_error *err)
{
    size_t total = hg_sample_bytes(state->type);
    bool ok = true;
    for (int i = 0; i < NPY_MAX_DIMENSIONS; i++) {
        if (state->dim[i] < 1 || (i < 2 && state->dim[i] > INT32_MAX))
            return hg_error_set(err, HG_STATUS_INPUT, "the NumPy array is empty");
        ok = ok && hg_checked_mul(total, (size_t)state->dim[i], &total);
    }
    hg_status status = hg_image_check_size(limits, (uint64_t)state->dim[3], (uint64_t)state->dim[2], err);
    if (status == HG_STATUS_OK && (!ok || total > available))
        return hg_error_set(err, HG_STATUS_INPUT, "the NumPy array is cut short: %zu of %zu bytes", available,
                            total);
    return status;
}

static hg_status npy_open(hg_scan *scan, const hg_image_file *bytes, hg_error *err)
{
    npy_text text = {NULL, NULL};
    size_t data = 0;
    npy_state *state = hg_mem_array(1, sizeof *state);
    if (state == NULL)
        return hg_error_memory(err, sizeof *state, "an array");
    scan->state = state;
    hg_status status = npy_find_header(&text, &data, bytes, err);
    if (status == HG_STATUS_OK)
        status = npy_parse_header(state, text, err);
    if (status == HG_STATUS_OK)
        status = npy_check_size(state, &scan->limits, bytes->n - data, err);
    if (status != HG_STATUS_OK)
        return status;
    state->samples = bytes->data + data;
    scan->source.n_frames = (int)state->dim[0];
    scan->source.bits_stored = 8 * (int)hg_sample_bytes(state->type);
    scan->source.is_signed = hg_sample_is_signed(state->type);
    scan->source.is_float = hg_sample_is_float(state->type);
    if (state->dim[1] > 1) {
        scan->default_axis = HG_IMAGE_AXIS_AXIAL;
        for (int a = 0; a < 3; a++)
            scan->n_slices[HG_IMAGE_AXIS_SAGITTAL + a] = (int)state->dim[3 - a];
    }
    return HG_STATUS_OK;
}

static bool npy_within_unit(const hg_frame *frame)
{
    size_t n = hg_frame_count(frame);
    for (size_t i = 0; i < n; i++) {
        double value;
        hg_frame_get(frame, i, 1, &value);
        if (value < 0 || value > 1)
            return false;
    }
    return true;
}

/* Steps, in samples, from one pixel to the next across and down, and from one slice to the next. */
static void npy_copy(hg_frame *frame, const npy_state *state, const hg_image_source *source)
{
    const size_t step[3] = {1, (size_t)state->dim[3], (size_t)(state->dim[3] * state->dim[2])}; /* W H D */
    int s = source->axis == HG_IMAGE_AXIS_DEFAULT ? 2 : (int)source->axis - HG_IMAGE_AXIS_SAGITTAL;
    int h = s == 0 ? 1 : 0, v = s == 2 ? 1 : 2;
    size_t size = hg_sample_bytes(state->type);
    size_t base = (size_t)source->frame * step[2] * (size_t)state->dim[1] + (size_t)source->slice * step[s];
    uint8_t *out = frame->samples;
    for (int y = 0; y < frame->height; y++) {
        for (int x = 0; x < frame->width; x++, out += size)
            memcpy(out, state->samples + (base + (size_t)x * step[h] + (size_t)y * step[v]) * size, size);
    }
}

static hg_status npy_read(hg_scan *scan, hg_frame *frame, hg_error *err)
{
    const npy_state *state = scan->state;
    bool side = scan->source.axis == HG_IMAGE_AXIS_SAGITTAL,
         front = scan->source.axis == HG_IMAGE_AXIS_CORONAL;
    int64_t width = side ? state->dim[2] : state->dim[3],
            height = side || front ? state->dim[1] : state->dim[2];
    hg_status status = hg_image_check_size(&scan->limits, (uint64_t)width, (uint64_t)height, err);
    if (status == HG_STATUS_OK)
        status = hg_frame_alloc(frame, (int)width, (int)height, 1, state->type, err);
    if (status != HG_STATUS_OK)
        return status;
    npy_copy(frame, state, &scan->source);
    if (state->swapped)
        hg_samples_swap(frame->samples, hg_frame_count(frame), hg_sample_bytes(state->type));
    scan->display = hg_display_default(state->type);
    scan->display.rest = state->type == HG_SAMPLE_TYPE_U8                  ? HG_DISPLAY_REST_STORED
                         : scan->source.is_float && npy_within_unit(frame) ? HG_DISPLAY_REST_UNIT
                                                                           : HG_DISPLAY_REST_RANGE;
    return HG_STATUS_OK;
}

static void npy_close(hg_scan *scan)
{
    hg_mem_free(scan->state);
    scan->state = NULL;
}

static const hg_scan_format npy_scan = {.open = npy_open, .read = npy_read, .close = npy_close};

const hg_image_format hg_npy_format = {.name = "npy", .probe = npy_probe, .scan = &npy_scan};
