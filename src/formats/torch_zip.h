/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_zip.h: what torch.save writes since PyTorch 1.6: a zip archive of stored entries
 *
 *     <root>/data.pkl     the objects, a pickle whose tensors name their storage (see pickle.h)
 *     <root>/data/<key>   one storage, little-endian elements
 *     <root>/byteorder    "little" (since PyTorch 2.1)
 *     <root>/version
 *
 * The root is whatever the first entry says.
 */
#ifndef HG_FORMATS_TORCH_ZIP_H
#define HG_FORMATS_TORCH_ZIP_H

#include "formats/tensor_list.h"

/* True for the format of PyTorch before 1.6, which is not read. */
bool hg_torch_legacy_detect(const uint8_t *data, size_t size);

/* Pushes all tensors of the archive in memory; contiguous ones point into it. The names are the keys of the
 * top-level dictionary, or of its entry "state_dict" when it has one; nested dictionaries add "outer." before
 * the name, and values that are not tensors are passed over. HG_STATUS_INPUT otherwise. */
hg_status hg_torch_zip_read(hg_tensor_list *out, const uint8_t *data, size_t size,
                            hg_error *err) HG_MUST_CHECK;

#endif
