/* SPDX-License-Identifier: Apache-2.0
 *
 * vq.c: pictures to codes and back, by the model's VQGAN.
 */
#include "engine/engine.h"

#include "base/memory.h"
#include "image/vq_input.h"

static hg_status vq_check(const hg_session *s, hg_error *err)
{
    if (s->model->source.missing_for_draw[0] == 0)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_TASK, "this model has no picture codes: missing %s",
                        s->model->source.missing_for_draw);
}

hg_status hg_vq_encode(hg_session *session, const hg_image *image, int32_t **codes, size_t *n_codes,
                       hg_error *err)
{
    *codes = NULL;
    *n_codes = 0;
    hg_status status = vq_check(session, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_session_begin(session);
    hg_ctx *ctx = &session->ctx;
    hg_vqgan *vq = &session->model->weights.vqgan;
    int64_t side = vq->config.resolution, n = hg_vqgan_n_codes(vq);
    hg_tensor *pixels = hg_ctx_tensor(ctx, 3, (int64_t[]){3, side, side}, false);
    int32_t *made = hg_mem_array((size_t)n, sizeof *made);
    if (pixels == NULL || made == NULL)
        status = hg_error_memory(err, (unsigned long long)(n + 3 * side * side) * 4, "encoding a picture");
    if (status == HG_STATUS_OK)
        status = hg_vq_input_f32(hg_tensor_real(pixels), image, (int)side, err);
    if (status == HG_STATUS_OK) {
        hg_healthgpt_encode(ctx, &session->model->weights, pixels, made);
        status = hg_ctx_status(ctx, err);
    }
    if (status != HG_STATUS_OK) {
        hg_mem_free(made);
        return status;
    }
    *codes = made;
    *n_codes = (size_t)n;
    return HG_STATUS_OK;
}

hg_status hg_vq_decode(hg_session *session, const int32_t *codes, size_t n_codes, hg_image **picture,
                       hg_error *err)
{
    *picture = NULL;
    hg_status status = vq_check(session, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_vqgan *vq = &session->model->weights.vqgan;
    if ((int64_t)n_codes != hg_vqgan_n_codes(vq))
        return hg_error_set(err, HG_STATUS_USAGE, "%zu picture codes, a picture of this model has %lld",
                            n_codes, (long long)hg_vqgan_n_codes(vq));
    for (size_t i = 0; i < n_codes; i++) {
        if (codes[i] < 0 || codes[i] >= vq->config.n_embed)
            return hg_error_set(err, HG_STATUS_USAGE, "picture code %zu is %d; codes run from 0 to %lld", i,
                                codes[i], (long long)vq->config.n_embed - 1);
    }
    hg_session_begin(session);
    hg_tensor *pixels = hg_healthgpt_draw(&session->ctx, &session->model->weights, codes);
    status = hg_ctx_status(&session->ctx, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_image *image = hg_mem_array(1, sizeof *image);
    if (image == NULL)
        return hg_error_memory(err, sizeof *image, "a picture");
    hg_image_init(image);
    status =
        hg_vq_output_image(image, hg_tensor_real(pixels), (int)pixels->shape[2], (int)pixels->shape[1], err);
    if (status == HG_STATUS_OK)
        *picture = image;
    else
        hg_image_close(image);
    return status;
}

void hg_codes_free(int32_t *codes)
{
    hg_mem_free(codes);
}
