/* SPDX-License-Identifier: Apache-2.0
 *
 * file_hash.c: through libcrypto, which uses the processor's own instructions. Files are read, not mapped:
 * their pages would count as this process's memory.
 */
#include "package/file_hash.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)4 << 20)

hg_status hg_hash_progress_add(hg_hash_progress *p, uint64_t bytes, hg_error *err)
{
    p->done += bytes;
    if (p->progress == NULL || p->progress->report == NULL)
        return HG_STATUS_OK;
    if (p->progress->report(p->progress->user, p->stage, (int64_t)(p->done / 1000000),
                            (int64_t)(p->total / 1000000)))
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_FAILED, "cancelled");
}

static hg_status hash_descriptor(int fd, EVP_MD_CTX *context, uint8_t *piece, const char *path,
                                 hg_hash_progress *progress, hg_error *err)
{
    for (;;) {
        ssize_t n = read(fd, piece, PIECE_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hg_error_set(err, HG_STATUS_INPUT, "%s: %s", path, strerror(errno));
        if (n == 0)
            return HG_STATUS_OK;
        if (EVP_DigestUpdate(context, piece, (size_t)n) != 1)
            return hg_error_set(err, HG_STATUS_FAILED, "%s: SHA-256 failed", path);
        hg_status status = hg_hash_progress_add(progress, (uint64_t)n, err);
        if (status != HG_STATUS_OK)
            return status;
    }
}

static hg_status hash_finish(EVP_MD_CTX *context, char out[HG_FILE_HASH_BYTES], hg_error *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (EVP_DigestFinal_ex(context, digest, &n) != 1 || 2 * n + 1 != HG_FILE_HASH_BYTES)
        return hg_error_set(err, HG_STATUS_FAILED, "SHA-256 failed");
    for (unsigned i = 0; i < n; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
    return HG_STATUS_OK;
}

hg_status hg_file_hash(const char *path, char out[HG_FILE_HASH_BYTES], hg_hash_progress *progress,
                       hg_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s", path, strerror(errno));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t *piece = hg_mem_array(PIECE_BYTES, 1);
    hg_status status = HG_STATUS_OK;
    if (context == NULL || piece == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        status = hg_error_memory(err, PIECE_BYTES, "SHA-256");
    if (status == HG_STATUS_OK)
        status = hash_descriptor(fd, context, piece, path, progress, err);
    if (status == HG_STATUS_OK)
        status = hash_finish(context, out, err);
    hg_mem_free(piece);
    EVP_MD_CTX_free(context);
    close(fd);
    return status;
}
