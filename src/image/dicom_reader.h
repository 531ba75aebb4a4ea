/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_reader.h: DICOM files behind the reader interface.
 */
#ifndef HG_IMAGE_DICOM_READER_H
#define HG_IMAGE_DICOM_READER_H

#include "image/image_reader.h"

/* With or without the preamble. Sequences of functional groups (enhanced CT and MR) are looked through for
 * each frame. Overlays are masked off and not drawn. */
extern const hg_image_format hg_dicom_format;

#endif
