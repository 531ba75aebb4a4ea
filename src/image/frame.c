/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.c: memory of a stored frame, and its samples as doubles, which every later step computes with.
 */
#include "image/frame.h"

#include "base/checked.h"
#include "base/memory.h"

#include <string.h>

static const struct {
    uint8_t bytes;
    bool is_signed;
    bool is_float;
} sample_types[] = {
    [HG_SAMPLE_TYPE_U8] = {1, false, false},  [HG_SAMPLE_TYPE_I8] = {1, true, false},
    [HG_SAMPLE_TYPE_U16] = {2, false, false}, [HG_SAMPLE_TYPE_I16] = {2, true, false},
    [HG_SAMPLE_TYPE_U32] = {4, false, false}, [HG_SAMPLE_TYPE_I32] = {4, true, false},
    [HG_SAMPLE_TYPE_U64] = {8, false, false}, [HG_SAMPLE_TYPE_I64] = {8, true, false},
    [HG_SAMPLE_TYPE_F32] = {4, true, true},   [HG_SAMPLE_TYPE_F64] = {8, true, true},
};

size_t hg_sample_bytes(hg_sample_type type)
{
    return sample_types[type].bytes;
}

bool hg_sample_is_signed(hg_sample_type type)
{
    return sample_types[type].is_signed;
}

bool hg_sample_is_float(hg_sample_type type)
{
    return sample_types[type].is_float;
}

hg_status hg_frame_alloc(hg_frame *frame, int width, int height, int channels, hg_sample_type type,
                         hg_error *err)
{
    size_t bytes = hg_sample_bytes(type);
    if (width < 1 || height < 1 || channels < 1 || channels > 4 ||
        !hg_checked_mul(bytes, (size_t)channels, &bytes) || !hg_checked_mul(bytes, (size_t)width, &bytes) ||
        !hg_checked_mul(bytes, (size_t)height, &bytes))
        return hg_error_set(err, HG_STATUS_INPUT, "no frame has %d x %d pixels of %d samples", width, height,
                            channels);
    void *samples = hg_mem_alloc(bytes);
    if (samples == NULL)
        return hg_error_memory(err, bytes, "a frame");
    *frame =
        (hg_frame){.width = width, .height = height, .channels = channels, .type = type, .samples = samples};
    return HG_STATUS_OK;
}

void hg_frame_deinit(hg_frame *frame)
{
    hg_mem_free(frame->samples);
    *frame = (hg_frame){0};
}

size_t hg_frame_count(const hg_frame *frame)
{
    return (size_t)frame->width * (size_t)frame->height * (size_t)frame->channels;
}

size_t hg_frame_bytes(const hg_frame *frame)
{
    return hg_frame_count(frame) * hg_sample_bytes(frame->type);
}

#define FRAME_COPY(type)                                                                                     \
    do {                                                                                                     \
        const type *from = (const type *)frame->samples + at;                                                \
        for (size_t i = 0; i < n; i++)                                                                       \
            out[i] = (double)from[i];                                                                        \
    } while (0)

void hg_frame_get(const hg_frame *frame, size_t at, size_t n, double *out)
{
    switch (frame->type) {
    case HG_SAMPLE_TYPE_U8:
        FRAME_COPY(uint8_t);
        break;
    case HG_SAMPLE_TYPE_I8:
        FRAME_COPY(int8_t);
        break;
    case HG_SAMPLE_TYPE_U16:
        FRAME_COPY(uint16_t);
        break;
    case HG_SAMPLE_TYPE_I16:
        FRAME_COPY(int16_t);
        break;
    case HG_SAMPLE_TYPE_U32:
        FRAME_COPY(uint32_t);
        break;
    case HG_SAMPLE_TYPE_I32:
        FRAME_COPY(int32_t);
        break;
    case HG_SAMPLE_TYPE_U64:
        FRAME_COPY(uint64_t);
        break;
    case HG_SAMPLE_TYPE_I64:
        FRAME_COPY(int64_t);
        break;
    case HG_SAMPLE_TYPE_F32:
        FRAME_COPY(float);
        break;
    case HG_SAMPLE_TYPE_F64:
        FRAME_COPY(double);
        break;
    }
}

void hg_samples_swap(void *samples, size_t n, size_t size)
{
    uint8_t *p = samples;
    for (size_t i = 0; i < n; i++, p += size) {
        for (size_t b = 0; b < size / 2; b++) {
            uint8_t kept = p[b];
            p[b] = p[size - 1 - b];
            p[size - 1 - b] = kept;
        }
    }
}

bool hg_machine_is_little(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 1;
}
