/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti_header.c: fields by their offsets. The two versions hold the same fields in other places and widths,
 * so each is one row of a table. Orientation: the sform when its code is set, else the qform, else what the
 * standard's method 1 says, with the first axis running to the left as viewers of Analyze files take it.
 */
#include "image/nifti_header.h"

#include <math.h>
#include <string.h>

typedef struct nifti_fields {
    size_t bytes, magic, datatype, dim, pixdim, vox_offset, slope, inter, cal_max, cal_min;
    size_t qform_code, sform_code, quatern, srow;
    bool wide; /* doubles and 64-bit integers */
} nifti_fields;

static const nifti_fields nifti_versions[2] = {
    {348, 344, 70, 40, 76, 108, 112, 116, 124, 128, 252, 254, 256, 280, false},
    {540, 4, 12, 16, 104, 168, 176, 184, 192, 200, 344, 348, 352, 400, true}};

typedef struct nifti_view {
    const uint8_t *bytes;
    const nifti_fields *fields;
    bool swapped;
} nifti_view;

static uint64_t nifti_bits(const nifti_view *v, size_t at, size_t size)
{
    uint8_t copy[8];
    memcpy(copy, v->bytes + at, size);
    if (v->swapped)
        hg_samples_swap(copy, 1, size);
    uint16_t b16;
    uint32_t b32;
    uint64_t b64;
    switch (size) {
    case 2:
        memcpy(&b16, copy, 2);
        return b16;
    case 4:
        memcpy(&b32, copy, 4);
        return b32;
    default:
        memcpy(&b64, copy, 8);
        return b64;
    }
}

/* Number `i` of an array of floats (version 1) or doubles (version 2). */
static double nifti_real(const nifti_view *v, size_t at, size_t i)
{
    if (v->fields->wide) {
        uint64_t bits = nifti_bits(v, at + 8 * i, 8);
        double value;
        memcpy(&value, &bits, 8);
        return value;
    }
    uint32_t bits = (uint32_t)nifti_bits(v, at + 4 * i, 4);
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static int64_t nifti_dim(const nifti_view *v, size_t i)
{
    if (v->fields->wide)
        return (int64_t)nifti_bits(v, v->fields->dim + 8 * i, 8);
    return (int16_t)nifti_bits(v, v->fields->dim + 2 * i, 2);
}

static int nifti_code(const nifti_view *v, size_t at)
{
    return v->fields->wide ? (int32_t)nifti_bits(v, at, 4) : (int16_t)nifti_bits(v, at, 2);
}

static bool nifti_magic(const uint8_t *p, char version)
{
    return p[0] == 'n' && (p[1] == '+' || p[1] == 'i') && p[2] == (uint8_t)version && p[3] == 0;
}

/* Which header, and in which byte order; false when it is none. */
static bool nifti_recognise(nifti_view *v, int *version, const uint8_t *bytes, size_t n)
{
    v->bytes = bytes;
    for (int i = 0; i < 2; i++) {
        v->fields = &nifti_versions[i];
        if (n < v->fields->bytes)
            continue;
        for (int order = 0; order < 2; order++) {
            v->swapped = order != 0;
            if (nifti_bits(v, 0, 4) != v->fields->bytes)
                continue;
            bool named = nifti_magic(bytes + v->fields->magic, i == 0 ? '1' : '2');
            int64_t rank = nifti_dim(v, 0);
            *version = named ? i + 1 : 0;
            /* Analyze has no magic: the header is all of its file, or its dimensions make sense. */
            if (named || (i == 0 && rank >= 1 && rank <= 7))
                return true;
        }
    }
    return false;
}

bool hg_nifti_probe(const uint8_t *bytes, size_t n)
{
    nifti_view v;
    int version;
    return nifti_recognise(&v, &version, bytes, n);
}

static hg_status nifti_read_dims(hg_nifti_header *h, const nifti_view *v, hg_error *err)
{
    int64_t rank = nifti_dim(v, 0);
    if (rank < 1 || rank > 7)
        return hg_error_set(err, HG_STATUS_INPUT, "a NIfTI volume of %lld dimensions; 1..7 are possible",
                            (long long)rank);
    for (size_t i = 0; i < 7; i++) {
        h->dim[i] = (int64_t)i < rank ? nifti_dim(v, i + 1) : 1;
        if (h->dim[i] == 0 && i > 0)
            h->dim[i] = 1;
        if (h->dim[i] < 1 || h->dim[i] > INT32_MAX)
            return hg_error_set(err, HG_STATUS_INPUT, "dimension %zu of a NIfTI volume is %lld", i,
                                (long long)h->dim[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        double spacing = fabs(nifti_real(v, v->fields->pixdim, i + 1));
        h->grid.spacing[i] = isfinite(spacing) && spacing > 0 ? spacing : 1;
    }
    return HG_STATUS_OK;
}

static hg_status nifti_read_type(hg_nifti_header *h, const nifti_view *v, hg_error *err)
{
    static const struct {
        int code;
        hg_sample_type type;
        int channels;
    } types[] = {{2, HG_SAMPLE_TYPE_U8, 1},     {4, HG_SAMPLE_TYPE_I16, 1},    {8, HG_SAMPLE_TYPE_I32, 1},
                 {16, HG_SAMPLE_TYPE_F32, 1},   {64, HG_SAMPLE_TYPE_F64, 1},   {128, HG_SAMPLE_TYPE_U8, 3},
                 {256, HG_SAMPLE_TYPE_I8, 1},   {512, HG_SAMPLE_TYPE_U16, 1},  {768, HG_SAMPLE_TYPE_U32, 1},
                 {1024, HG_SAMPLE_TYPE_I64, 1}, {1280, HG_SAMPLE_TYPE_U64, 1}, {2304, HG_SAMPLE_TYPE_U8, 4}};
    int code = (int16_t)nifti_bits(v, v->fields->datatype, 2);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].code == code) {
            h->type = types[i].type;
            h->channels = types[i].channels;
            return HG_STATUS_OK;
        }
    }
    return hg_error_set(err, HG_STATUS_INPUT, "NIfTI samples of data type %d are not read", code);
}

static hg_status nifti_read_values(hg_nifti_header *h, const nifti_view *v, hg_error *err)
{
    double offset = v->fields->wide ? (double)(int64_t)nifti_bits(v, v->fields->vox_offset, 8)
                                    : nifti_real(v, v->fields->vox_offset, 0);
    if (!(offset >= 0 && offset < 1e15))
        return hg_error_set(err, HG_STATUS_INPUT, "NIfTI samples begin at byte %g", offset);
    h->offset = (uint64_t)offset;
    if (!h->pair && h->offset < v->fields->bytes)
        h->offset = v->fields->bytes + 4;
    h->slope = nifti_real(v, v->fields->slope, 0);
    h->intercept = nifti_real(v, v->fields->inter, 0);
    if (!isfinite(h->slope) || h->slope == 0) {
        h->slope = 1;
        h->intercept = 0;
    }
    if (!isfinite(h->intercept) || h->version == 0)
        h->intercept = 0;
    double low = nifti_real(v, v->fields->cal_min, 0), high = nifti_real(v, v->fields->cal_max, 0);
    if (h->version != 0 && isfinite(low) && isfinite(high) && low < high) {
        h->cal_min = low;
        h->cal_max = high;
    }
    return HG_STATUS_OK;
}

/* The rotation of the quaternion (a, b, c, d) with a >= 0, its columns scaled; the third is mirrored when
 * pixdim[0] is negative. */
static void nifti_qform(double m[3][3], const hg_nifti_header *h, const nifti_view *v)
{
    double b = nifti_real(v, v->fields->quatern, 0), c = nifti_real(v, v->fields->quatern, 1);
    double d = nifti_real(v, v->fields->quatern, 2);
    double a = sqrt(fmax(0, 1 - (b * b + c * c + d * d)));
    double mirror = nifti_real(v, v->fields->pixdim, 0) < 0 ? -1 : 1;
    const double r[3][3] = {{a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)},
                            {2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)},
                            {2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c}};
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++)
            m[i][j] = r[i][j] * h->grid.spacing[j] * (j == 2 ? mirror : 1);
    }
}

static void nifti_affine(double m[3][3], const hg_nifti_header *h, const nifti_view *v)
{
    bool named = h->version != 0, finite = true;
    memset(m, 0, 9 * sizeof(double));
    if (named && nifti_code(v, v->fields->sform_code) > 0) {
        for (size_t i = 0; i < 3; i++) {
            for (size_t j = 0; j < 3; j++)
                m[i][j] = nifti_real(v, v->fields->srow, 4 * i + j);
        }
    } else if (named && nifti_code(v, v->fields->qform_code) > 0)
        nifti_qform(m, h, v);
    double size = 0;
    for (int i = 0; i < 9; i++) {
        finite = finite && isfinite(m[i / 3][i % 3]);
        size += fabs(m[i / 3][i % 3]);
    }
    if (finite && size > 0)
        return;
    memset(m, 0, 9 * sizeof(double));
    m[0][0] = -h->grid.spacing[0];
    m[1][1] = h->grid.spacing[1];
    m[2][2] = h->grid.spacing[2];
}

hg_status hg_nifti_parse(hg_nifti_header *header, const uint8_t *bytes, size_t n, hg_error *err)
{
    nifti_view v;
    double affine[3][3];
    *header = (hg_nifti_header){0};
    if (!nifti_recognise(&v, &header->version, bytes, n))
        return hg_error_set(err, HG_STATUS_INPUT, "not a NIfTI header");
    header->swapped = v.swapped;
    header->pair = header->version == 0 || bytes[v.fields->magic + 1] == 'i';
    hg_status status = nifti_read_dims(header, &v, err);
    if (status == HG_STATUS_OK)
        status = nifti_read_type(header, &v, err);
    if (status == HG_STATUS_OK)
        status = nifti_read_values(header, &v, err);
    if (status != HG_STATUS_OK)
        return status;
    nifti_affine(affine, header, &v);
    for (int i = 0; i < 3; i++)
        header->grid.dim[i] = header->dim[i];
    hg_volume_grid_orient(&header->grid, affine);
    return HG_STATUS_OK;
}
