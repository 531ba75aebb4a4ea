/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_file.h: a parsed DICOM data set, as C sees it. Behind it stands DCMTK, in one of the tree's two C++
 * files. It finds attributes, hands out pixel data as they lie in the file, and decodes JPEG; everything
 * about the meaning of pixels is in C.
 */
#ifndef HG_IMAGE_DICOM_FILE_H
#define HG_IMAGE_DICOM_FILE_H

#include <healthgpt/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hg_dicom hg_dicom;

/* The data set or an item of one of its sequences; borrowed. */
typedef struct hg_dicom_item hg_dicom_item;

/* Group and element of an attribute. */
#define HG_DICOM_TAG(group, element) ((uint32_t)(group) << 16 | (uint32_t)(element))

/* Loads the data dictionary and silences the library; needed once in a process before hg_dicom_open, and
 * again does nothing. Several threads may call it. */
void hg_dicom_prepare(void);

/* `bytes` must outlive the data set. A file without its meta header is accepted. */
hg_status hg_dicom_open(hg_dicom **dicom, const uint8_t *bytes, size_t n, hg_error *err);

/* Only what stands in front of the pixels. */
hg_status hg_dicom_open_header(hg_dicom **dicom, const uint8_t *bytes, size_t n, hg_error *err);
void hg_dicom_close(hg_dicom *dicom);

/* UID; "" when the file does not say (it is then one of the uncompressed ones). */
const char *hg_dicom_transfer_syntax(const hg_dicom *dicom);

/* True when the file's numbers begin with their highest byte. */
bool hg_dicom_is_big_endian(const hg_dicom *dicom);

const hg_dicom_item *hg_dicom_root(const hg_dicom *dicom);

/* Item `index` of the sequence `tag` of `item`; NULL when there is none (or `item` is NULL). */
const hg_dicom_item *hg_dicom_item_get(const hg_dicom_item *item, uint32_t tag, size_t index);

/* Value `index` of an attribute as text without outer blanks (cut to fit), or as a number. False, and *out as
 * it was, when it is absent, empty or no number. */
bool hg_dicom_get_text(const hg_dicom_item *item, uint32_t tag, size_t index, char *out, size_t n);
bool hg_dicom_get_number(const hg_dicom_item *item, uint32_t tag, size_t index, double *out);

/* Whether the item has the attribute, be it empty. */
bool hg_dicom_has(const hg_dicom_item *item, uint32_t tag);

/* All values of an attribute of text, as they lie in the file. False when it is absent, empty or no text; one
 * that has n bytes and more is cut to n - 1. */
bool hg_dicom_get_raw(const hg_dicom_item *item, uint32_t tag, char *out, size_t n);

/* A copy (hg_mem_free) of an attribute of 16-bit words, or of the bytes of one of bytes; NULL when absent. */
uint16_t *hg_dicom_get_words(const hg_dicom_item *item, uint32_t tag, size_t *n);

typedef enum hg_dicom_pixels {
    HG_DICOM_PIXELS_NONE,
    HG_DICOM_PIXELS_NATIVE,      /* not compressed */
    HG_DICOM_PIXELS_FLOAT,       /* not compressed, 32-bit floats in this machine's order */
    HG_DICOM_PIXELS_DOUBLE,      /* 64-bit */
    HG_DICOM_PIXELS_ENCAPSULATED /* compressed, in fragments */
} hg_dicom_pixels;

hg_dicom_pixels hg_dicom_get_pixels(const hg_dicom *dicom);

/* All pixel data of an uncompressed file, borrowed. Integers lie in 16-bit words, each little-endian. */
bool hg_dicom_view_native(const hg_dicom *dicom, const uint8_t **data, size_t *n);

/* Fragments of compressed pixel data, the offset table among them as number 0; borrowed. */
size_t hg_dicom_n_fragments(const hg_dicom *dicom);
bool hg_dicom_view_fragment(const hg_dicom *dicom, size_t i, const uint8_t **data, size_t *n);

/* Decodes a JPEG frame into `out` of `bytes` bytes, interleaved, in this machine's order; `model`
 * becomes the photometric interpretation of the result. */
hg_status hg_dicom_decode(const hg_dicom *dicom, size_t frame, void *out, size_t bytes, char model[20],
                          hg_error *err);

#ifdef __cplusplus
}
#endif

#endif
