/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_uid.c: 16 bytes become a number of up to 39 digits by repeated division by ten.
 */
#include "image/dicom_uid.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define UUID_BYTES 16

static void uid_from_uuid(char out[HG_UID_BYTES], uint8_t uuid[UUID_BYTES], int version)
{
    char digits[40];
    size_t n = 0;
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | version << 4);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
    for (bool rest = true; rest && n < sizeof digits;) {
        unsigned carry = 0;
        rest = false;
        for (size_t i = 0; i < UUID_BYTES; i++) {
            unsigned value = carry << 8 | uuid[i];
            uuid[i] = (uint8_t)(value / 10);
            carry = value % 10;
            rest = rest || uuid[i] != 0;
        }
        digits[n++] = (char)('0' + carry);
    }
    memcpy(out, "2.25.", 5);
    for (size_t i = 0; i < n; i++)
        out[5 + i] = digits[n - 1 - i];
    out[5 + n] = 0;
}

static hg_status uid_random(uint8_t *out, size_t n, hg_error *err)
{
    if (getentropy(out, n) == 0)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_FAILED, "the system has no random numbers: %s", strerror(errno));
}

hg_status hg_uid_create(char out[HG_UID_BYTES], hg_error *err)
{
    uint8_t uuid[UUID_BYTES];
    hg_status status = uid_random(uuid, sizeof uuid, err);
    if (status == HG_STATUS_OK)
        uid_from_uuid(out, uuid, 4);
    return status;
}

hg_status hg_uid_replace(char out[HG_UID_BYTES], const char *uid, const uint8_t key[HG_DEID_KEY_BYTES],
                         hg_error *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (HMAC(EVP_sha256(), key, HG_DEID_KEY_BYTES, (const uint8_t *)uid, strlen(uid), digest, &n) == NULL ||
        n < UUID_BYTES)
        return hg_error_set(err, HG_STATUS_FAILED, "a UID cannot be replaced");
    uid_from_uuid(out, digest, 8);
    return HG_STATUS_OK;
}

hg_status hg_uid_key(uint8_t key[HG_DEID_KEY_BYTES], hg_error *err)
{
    return uid_random(key, HG_DEID_KEY_BYTES, err);
}
