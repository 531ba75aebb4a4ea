/* SPDX-License-Identifier: Apache-2.0
 *
 * code_cache.c: a file is "hgcodes1", the decoder's number, the image's two hashes and its size, the number
 * of codes, then the codes. Whatever does not fit in it makes the codes anew.
 */
#include "train/code_cache.h"

#include "base/memory.h"
#include "image/vq_input.h"

#include <healthgpt/image.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CACHE_MAX_IMAGE_BYTES ((size_t)1 << 30)
#define CACHE_MAX_FILE_BYTES ((size_t)1 << 24)

typedef struct cache_head {
    char magic[8];
    uint64_t decoder, hash1, hash2, bytes, n;
} cache_head;

/* FNV-1a from two starting points and with two multipliers. */
static uint64_t hash_bytes(const void *bytes, size_t n, uint64_t start, uint64_t factor)
{
    uint64_t hash = start;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * factor;
    return hash ^ (hash >> 29);
}

static uint64_t hash_first(const void *bytes, size_t n)
{
    return hash_bytes(bytes, n, 14695981039346656037U, 1099511628211U);
}

static uint64_t hash_second(const void *bytes, size_t n)
{
    return hash_bytes(bytes, n, 0x9e3779b97f4a7c15U, 0xff51afd7ed558ccdU);
}

hg_status hg_code_cache_init(hg_code_cache *cache, const char *folder, hg_vqgan *vqgan, hg_error *err)
{
    *cache = (hg_code_cache){.vqgan = vqgan};
    if (strlen(folder) >= sizeof cache->folder)
        return hg_error_set(err, HG_STATUS_USAGE, "the path of the codes' folder is too long");
    memcpy(cache->folder, folder, strlen(folder) + 1);
    /* What codes an image gets depends on the encoder's first layer and the quantiser, among others. */
    const hg_tensor *parts[] = {&vqgan->encoder.conv_in.weight, &vqgan->proj.weight, &vqgan->embed};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cache->decoder = cache->decoder * 31 + hash_first(parts[i]->data, hg_tensor_bytes(parts[i]));
    cache->decoder = cache->decoder * 31 + (uint64_t)vqgan->config.resolution;
    return hg_folder_create(folder, err);
}

static hg_status cache_path(const hg_code_cache *cache, const cache_head *head, char path[HG_PATH_BYTES],
                            hg_error *err)
{
    char name[80];
    snprintf(name, sizeof name, "%016" PRIx64 "%016" PRIx64 ".codes", head->hash1 ^ head->decoder,
             head->hash2);
    return hg_path_join(path, cache->folder, name, err);
}

/* Reads the codes if the file is there and fits. */
static bool cache_read(const hg_code_cache *cache, const char *path, const cache_head *head, int32_t *codes)
{
    hg_buffer file;
    hg_buffer_init(&file, CACHE_MAX_FILE_BYTES);
    size_t bytes = (size_t)head->n * sizeof *codes;
    bool good = hg_file_exists(path) && hg_file_read(path, &file, NULL) == HG_STATUS_OK &&
                file.size == sizeof *head + bytes && memcmp(file.data, head, sizeof *head) == 0;
    if (good)
        memcpy(codes, file.data + sizeof *head, bytes);
    hg_buffer_deinit(&file);
    for (uint64_t i = 0; good && i < head->n; i++)
        good = codes[i] >= 0 && codes[i] < cache->vqgan->config.n_embed;
    return good;
}

static hg_status encode(const hg_code_cache *cache, hg_ctx *ctx, const hg_buffer *file, int32_t *codes,
                        hg_error *err)
{
    int64_t side = cache->vqgan->config.resolution;
    hg_image *image = NULL;
    hg_status status = hg_image_open_memory(&image, file->data, file->size, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_tensor *pixels = hg_ctx_tensor(ctx, 3, (int64_t[]){3, side, side}, false);
    if (pixels != NULL)
        status = hg_vq_input_f32(hg_tensor_real(pixels), image, (int)side, err);
    if (pixels != NULL && status == HG_STATUS_OK)
        hg_vqgan_encode(ctx, cache->vqgan, pixels, codes);
    hg_arena_reset(ctx->arena, mark);
    hg_image_close(image);
    return status == HG_STATUS_OK ? hg_ctx_status(ctx, err) : status;
}

static hg_status cache_write(const char *path, const cache_head *head, const int32_t *codes, hg_error *err)
{
    hg_buffer file;
    hg_buffer_init(&file, CACHE_MAX_FILE_BYTES);
    hg_status status = HG_STATUS_OK;
    if (!hg_buffer_push(&file, head, sizeof *head) ||
        !hg_buffer_push(&file, codes, (size_t)head->n * sizeof *codes))
        status = hg_error_memory(err, head->n * sizeof *codes, "picture codes");
    if (status == HG_STATUS_OK)
        status = hg_file_write(path, file.data, file.size, err);
    hg_buffer_deinit(&file);
    return status;
}

hg_status hg_code_cache_get(hg_code_cache *cache, hg_ctx *ctx, const char *image_path, int32_t *codes,
                            hg_error *err)
{
    hg_buffer file;
    char path[HG_PATH_BYTES];
    hg_buffer_init(&file, CACHE_MAX_IMAGE_BYTES);
    hg_status status = hg_file_read(image_path, &file, err);
    cache_head head = {.decoder = cache->decoder, .n = (uint64_t)hg_vqgan_n_codes(cache->vqgan)};
    memcpy(head.magic, "hgcodes1", sizeof head.magic);
    if (status == HG_STATUS_OK) {
        head.hash1 = hash_first(file.data, file.size);
        head.hash2 = hash_second(file.data, file.size);
        head.bytes = file.size;
        status = cache_path(cache, &head, path, err);
    }
    if (status == HG_STATUS_OK && cache_read(cache, path, &head, codes)) {
        cache->n_found++;
    } else if (status == HG_STATUS_OK) {
        status = encode(cache, ctx, &file, codes, err);
        if (status == HG_STATUS_INPUT)
            hg_error_prefix(err, status, "%s", image_path);
        if (status == HG_STATUS_OK)
            status = cache_write(path, &head, codes, err);
        cache->n_made++;
    }
    hg_buffer_deinit(&file);
    return status;
}
