/* SPDX-License-Identifier: Apache-2.0
 *
 * jpeg2000.c: OpenJPEG reading from memory. Its messages go to the error; colour transforms inside the code
 * stream are undone by it, those outside (a file that says YBR_FULL) are the caller's.
 */
#include "image/jpeg2000.h"

#include <openjpeg.h>
#include <string.h>

typedef struct jpeg2000_job {
    const uint8_t *bytes;
    size_t n;
    size_t at;
    char text[160]; /* the library's first error */
} jpeg2000_job;

static OPJ_SIZE_T jpeg2000_pull(void *out, OPJ_SIZE_T n, void *user)
{
    jpeg2000_job *job = user;
    if (job->at >= job->n)
        return (OPJ_SIZE_T)-1;
    n = n < job->n - job->at ? n : job->n - job->at;
    memcpy(out, job->bytes + job->at, n);
    job->at += n;
    return n;
}

static OPJ_OFF_T jpeg2000_skip(OPJ_OFF_T n, void *user)
{
    jpeg2000_job *job = user;
    if (n < 0 || (size_t)n > job->n - job->at)
        return -1;
    job->at += (size_t)n;
    return n;
}

static OPJ_BOOL jpeg2000_seek(OPJ_OFF_T at, void *user)
{
    jpeg2000_job *job = user;
    if (at < 0 || (size_t)at > job->n)
        return OPJ_FALSE;
    job->at = (size_t)at;
    return OPJ_TRUE;
}

static void jpeg2000_note(const char *text, void *user)
{
    jpeg2000_job *job = user;
    if (job->text[0] == 0) {
        size_t n = strcspn(text, "\n");
        n = n < sizeof job->text - 1 ? n : sizeof job->text - 1;
        memcpy(job->text, text, n);
        job->text[n] = 0;
    }
}

static void jpeg2000_ignore(const char *text, void *user)
{
    (void)text;
    (void)user;
}

static hg_status jpeg2000_check(const opj_image_t *image, const hg_image_limits *limits, hg_error *err)
{
    if (image->numcomps != 1 && image->numcomps != 3 && image->numcomps != 4)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "a JPEG 2000 picture of %u components; 1, 3 and 4 are known", image->numcomps);
    const opj_image_comp_t *first = &image->comps[0];
    for (OPJ_UINT32 c = 0; c < image->numcomps; c++) {
        const opj_image_comp_t *comp = &image->comps[c];
        if (comp->w != first->w || comp->h != first->h || comp->dx != first->dx || comp->dy != first->dy ||
            comp->prec != first->prec || comp->sgnd != first->sgnd || comp->prec < 1 || comp->prec > 32)
            return hg_error_set(err, HG_STATUS_INPUT,
                                "a JPEG 2000 picture whose components differ in size or depth");
    }
    return hg_image_check_size(limits, first->w, first->h, err);
}

static void jpeg2000_store(hg_frame *frame, const opj_image_t *image)
{
    size_t n = (size_t)frame->width * (size_t)frame->height, step = (size_t)frame->channels;
    for (size_t c = 0; c < step; c++) {
        const OPJ_INT32 *from = image->comps[c].data;
        for (size_t i = 0; i < n; i++) {
            size_t at = i * step + c;
            if (frame->type <= HG_SAMPLE_TYPE_I8)
                ((uint8_t *)frame->samples)[at] = (uint8_t)from[i];
            else if (frame->type <= HG_SAMPLE_TYPE_I16)
                ((uint16_t *)frame->samples)[at] = (uint16_t)from[i];
            else
                ((uint32_t *)frame->samples)[at] = (uint32_t)from[i];
        }
    }
}

/* After a successful decode. */
static hg_status jpeg2000_take(hg_frame *frame, hg_jpeg2000_info *info, const opj_image_t *image,
                               const hg_image_limits *limits, hg_error *err)
{
    hg_status status = jpeg2000_check(image, limits, err);
    if (status != HG_STATUS_OK)
        return status;
    const opj_image_comp_t *first = &image->comps[0];
    info->precision = (int)first->prec;
    info->is_signed = first->sgnd != 0;
    hg_sample_type type = first->prec <= 8    ? HG_SAMPLE_TYPE_U8
                          : first->prec <= 16 ? HG_SAMPLE_TYPE_U16
                                              : HG_SAMPLE_TYPE_U32;
    type = info->is_signed ? (hg_sample_type)(type + 1) : type;
    for (OPJ_UINT32 c = 0; c < image->numcomps; c++) {
        if (image->comps[c].data == NULL)
            return hg_error_set(err, HG_STATUS_INPUT, "a JPEG 2000 picture without samples");
    }
    status = hg_frame_alloc(frame, (int)first->w, (int)first->h, (int)image->numcomps, type, err);
    if (status == HG_STATUS_OK)
        jpeg2000_store(frame, image);
    return status;
}

static bool jpeg2000_mct(opj_codec_t *codec)
{
    opj_codestream_info_v2_t *info = opj_get_cstr_info(codec);
    bool mct = info != NULL && info->m_default_tile_info.mct == 1;
    if (info != NULL)
        opj_destroy_cstr_info(&info);
    return mct;
}

static hg_status jpeg2000_run(hg_frame *frame, hg_jpeg2000_info *info, opj_codec_t *codec,
                              opj_stream_t *stream, jpeg2000_job *job, const hg_image_limits *limits,
                              hg_error *err)
{
    opj_image_t *image = NULL;
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    opj_set_error_handler(codec, jpeg2000_note, job);
    opj_set_warning_handler(codec, jpeg2000_ignore, NULL);
    opj_set_info_handler(codec, jpeg2000_ignore, NULL);
    hg_status status = HG_STATUS_OK;
    bool ok = opj_setup_decoder(codec, &parameters) && opj_read_header(stream, codec, &image);
    if (ok)
        status = jpeg2000_check(image, limits, err);
    if (ok && status == HG_STATUS_OK) {
        info->colour_restored = image->numcomps >= 3 && jpeg2000_mct(codec);
        ok = opj_decode(codec, stream, image);
    }
    if (!ok)
        status = hg_error_set(err, HG_STATUS_INPUT, "damaged JPEG 2000 picture: %s", job->text);
    if (status == HG_STATUS_OK)
        status = jpeg2000_take(frame, info, image, limits, err);
    opj_image_destroy(image);
    return status;
}

hg_status hg_jpeg2000_decode(hg_frame *frame, hg_jpeg2000_info *info, const uint8_t *bytes, size_t n,
                             const hg_image_limits *limits, hg_error *err)
{
    static const uint8_t jp2[8] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};
    jpeg2000_job job = {.bytes = bytes, .n = n};
    *info = (hg_jpeg2000_info){0};
    bool boxed = n >= sizeof jp2 && memcmp(bytes, jp2, sizeof jp2) == 0;
    opj_codec_t *codec = opj_create_decompress(boxed ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
    opj_stream_t *stream = opj_stream_create(1 << 16, OPJ_TRUE);
    hg_status status;
    if (codec == NULL || stream == NULL)
        status = hg_error_memory(err, 1 << 16, "a JPEG 2000 decoder");
    else {
        opj_stream_set_user_data(stream, &job, NULL);
        opj_stream_set_user_data_length(stream, n);
        opj_stream_set_read_function(stream, jpeg2000_pull);
        opj_stream_set_skip_function(stream, jpeg2000_skip);
        opj_stream_set_seek_function(stream, jpeg2000_seek);
        status = jpeg2000_run(frame, info, codec, stream, &job, limits, err);
    }
    if (stream != NULL)
        opj_stream_destroy(stream);
    if (codec != NULL)
        opj_destroy_codec(codec);
    return status;
}
