/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors.h: the safetensors container.
 *
 *     0    u64   N, bytes of the header, little-endian
 *     8    N     JSON object: name -> {"dtype": "BF16", "shape": [..], "data_offsets": [begin, end]};
 *                "__metadata__" is an object of strings and no tensor
 *     8+N  ...   data, where the offsets count from
 */
#ifndef HG_FORMATS_SAFETENSORS_H
#define HG_FORMATS_SAFETENSORS_H

#include "formats/tensor_list.h"

/* True when `data` begins as a safetensors file does. */
bool hg_safetensors_detect(const uint8_t *data, size_t size);

/* Pushes all tensors of the file in memory; their data points into it. Every extent is checked: inside the
 * file, as long as shape and type say, overlapping no other. Element types other than F32, F16 and BF16, and
 * more than four dimensions, are listed as unsupported. HG_STATUS_INPUT otherwise, with a text that names the
 * tensor. */
hg_status hg_safetensors_read(hg_tensor_list *out, const uint8_t *data, size_t size,
                              hg_error *err) HG_MUST_CHECK;

#endif
