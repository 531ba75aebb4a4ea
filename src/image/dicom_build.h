/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_build.h: a DICOM data set that is being made, as C sees it; behind it stands DCMTK. A failure sticks
 * and is reported at the end, so that what is written reads as a list.
 */
#ifndef HG_IMAGE_DICOM_BUILD_H
#define HG_IMAGE_DICOM_BUILD_H

#include <healthgpt/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hg_dicom_build hg_dicom_build;

hg_status hg_dicom_build_create(hg_dicom_build **build, hg_error *err);
void hg_dicom_build_destroy(hg_dicom_build *build);

/* An attribute of the data set, or of the item that is open. Its representation is the dictionary's. Text may
 * be "" or NULL: no value. */
void hg_dicom_put_text(hg_dicom_build *build, uint32_t tag, const char *text);
void hg_dicom_put_word(hg_dicom_build *build, uint32_t tag, uint16_t value);
void hg_dicom_put_sequence(hg_dicom_build *build, uint32_t tag); /* without items */

/* `n` bytes of samples of 8 or 16 bits, in this machine's order. */
void hg_dicom_put_pixels(hg_dicom_build *build, const void *samples, size_t n, int bits);

/* Opens one more item of a sequence, and closes it again; items may lie in items. */
void hg_dicom_begin(hg_dicom_build *build, uint32_t tag);
void hg_dicom_end(hg_dicom_build *build);

/* Turns all text so far, which is in the character set that SpecificCharacterSet names, into UTF-8. */
hg_status hg_dicom_build_to_utf8(hg_dicom_build *build, hg_error *err);

/* The file: preamble, meta header, explicit little endian. `take` gets its bytes in order; false: no memory.
 */
typedef bool (*hg_dicom_take)(void *user, const void *bytes, size_t n);
hg_status hg_dicom_build_write(hg_dicom_build *build, hg_dicom_take take, void *user, hg_error *err);

#ifdef __cplusplus
}
#endif

#endif
