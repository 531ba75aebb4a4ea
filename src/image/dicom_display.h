/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_display.h: how a DICOM frame is to be shown: rescale, tables, windows, padding, colour.
 */
#ifndef HG_IMAGE_DICOM_DISPLAY_H
#define HG_IMAGE_DICOM_DISPLAY_H

#include "image/dicom_frame.h"
#include "image/display.h"

/* Fills the zeroed `display` for frame source->frame, whose photometric interpretation is `model` after
 * decoding, and the windows and spacing of `source`. To be undone by hg_display_deinit whatever the result.
 */
hg_status hg_dicom_display_init(hg_display *display, const hg_dicom *dicom, const hg_dicom_layout *layout,
                                const char *model, hg_image_source *source, hg_error *err) HG_MUST_CHECK;

#endif
