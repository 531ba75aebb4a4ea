/* SPDX-License-Identifier: Apache-2.0
 *
 * part_names.h: the names of tensors in a package. The language model and the image encoder have llama.cpp's
 * names; what it has no names for follows their pattern behind a prefix:
 *
 *     base    token_embd.weight  blk.0.attn_qkv.weight  output_norm.weight  output.weight
 *     clip    v.patch_embd.weight  v.blk.0.attn_q.weight
 *     com     com.blk.0.attn_qkv.weight.lora_a (lora_b, lora_route)  com.mm.0.weight
 *     gen     gen. likewise
 *     fusion  gen.token_embd.weight  gen.output.weight
 *     vqgan   vq. and the released name
 */
#ifndef HG_PACKAGE_PART_NAMES_H
#define HG_PACKAGE_PART_NAMES_H

#include "formats/tensor_writer.h"
#include "model/model_parts.h"

#define HG_PACKAGE_NAME_BYTES (HG_GGUF_NAME_BYTES + 1)

/* The package's name for a tensor that the released files of `part` call `released`; false when it is none of
 * the part's. */
bool hg_part_package_name(hg_part part, hg_family family, const char *released,
                          char out[HG_PACKAGE_NAME_BYTES]);

/* The other way round. */
bool hg_part_released_name(hg_part part, hg_family family, const char *packaged,
                           char out[HG_TENSOR_RENAME_BYTES]);

#endif
