/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_uid.h: unique identifiers for new DICOM objects: "2.25." and a UUID as a decimal number (PS3.5 annex
 * B).
 */
#ifndef HG_IMAGE_DICOM_UID_H
#define HG_IMAGE_DICOM_UID_H

#include "base/error.h"

#include <healthgpt/record.h>

#define HG_UID_BYTES 65 /* with its end */

/* From the system's random source (UUID version 4). */
hg_status hg_uid_create(char out[HG_UID_BYTES], hg_error *err) HG_MUST_CHECK;

/* Another UID for `uid`: the same for the same key, and nobody without the key can tell which it was
 * (HMAC-SHA256, UUID version 8). */
hg_status hg_uid_replace(char out[HG_UID_BYTES], const char *uid, const uint8_t key[HG_DEID_KEY_BYTES],
                         hg_error *err) HG_MUST_CHECK;

/* A key that is used once. */
hg_status hg_uid_key(uint8_t key[HG_DEID_KEY_BYTES], hg_error *err) HG_MUST_CHECK;

#endif
