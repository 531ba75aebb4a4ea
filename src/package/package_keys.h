/* SPDX-License-Identifier: Apache-2.0
 *
 * package_keys.h: a model's settings as GGUF metadata. Keys are llama.cpp's where it has them, with the
 * architecture "healthgpt"; docs/formats.md lists all. Reading checks types, ranges and what must fit
 * together: nothing that comes from a file is believed.
 */
#ifndef HG_PACKAGE_PACKAGE_KEYS_H
#define HG_PACKAGE_PACKAGE_KEYS_H

#include "formats/gguf.h"
#include "formats/gguf_builder.h"
#include "formats/model_config.h"

#define HG_PACKAGE_ARCHITECTURE "healthgpt"
#define HG_PACKAGE_VERSION 1

/* The decoder's settings under "<prefix>.". Reading leaves `family`, `vocab` and `tie_embeddings` to the
 * caller when the prefix is llama.cpp's own ("phi3", "qwen2"): there, they follow from other things. */
void hg_package_put_decoder(hg_gguf_builder *b, const hg_decoder_config *c);
hg_status hg_package_get_decoder(const hg_gguf *g, const char *prefix, hg_decoder_config *c,
                                 hg_error *err) HG_MUST_CHECK;

void hg_package_put_generation(hg_gguf_builder *b, const hg_generation_config *c);
hg_status hg_package_get_generation(const hg_gguf *g, hg_generation_config *c, hg_error *err) HG_MUST_CHECK;

void hg_package_put_clip(hg_gguf_builder *b, const hg_clip_config *c, const hg_preprocessor_config *p);
hg_status hg_package_get_clip(const hg_gguf *g, hg_clip_config *c, hg_preprocessor_config *p,
                              hg_error *err) HG_MUST_CHECK;

void hg_package_put_vqgan(hg_gguf_builder *b, const hg_vqgan_config *c);
hg_status hg_package_get_vqgan(const hg_gguf *g, hg_vqgan_config *c, hg_error *err) HG_MUST_CHECK;

/* Name, card, plug-ins, tasks, chat template. */
void hg_package_put_manifest(hg_gguf_builder *b, const hg_manifest *m);
hg_status hg_package_get_manifest(const hg_gguf *g, hg_manifest *m, hg_error *err) HG_MUST_CHECK;

#endif
