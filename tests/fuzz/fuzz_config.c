/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_config.c: any text as each of the settings files.
 */
#include "formats/model_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    hg_error err;
    hg_decoder_config decoder = {.n_eos_ids = 1, .eos_ids = {2}};
    hg_generation_config generation;
    hg_clip_config clip;
    hg_preprocessor_config preprocessor;
    hg_vqgan_config vqgan;
    hg_manifest manifest;
    volatile int n_read = 0;
    n_read = n_read + (hg_generation_config_parse(&generation, &decoder, text, size, &err) == HG_STATUS_OK);
    n_read = n_read + (hg_decoder_config_parse(&decoder, text, size, &err) == HG_STATUS_OK);
    n_read = n_read + (hg_clip_config_parse(&clip, text, size, &err) == HG_STATUS_OK);
    n_read = n_read + (hg_preprocessor_config_parse(&preprocessor, text, size, &err) == HG_STATUS_OK);
    n_read = n_read + (hg_vqgan_config_parse(&vqgan, text, size, &err) == HG_STATUS_OK);
    n_read = n_read + (hg_manifest_parse(&manifest, text, size, &err) == HG_STATUS_OK);
    return 0;
}
