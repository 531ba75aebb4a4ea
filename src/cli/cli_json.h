/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_json.h: results as one JSON object on stdout.
 */
#ifndef HG_CLI_CLI_JSON_H
#define HG_CLI_CLI_JSON_H

#include <healthgpt/healthgpt.h>

/* With what was shown of those of the n images that are scans. */
hg_status cli_json_print_answer(const hg_ask_result *r, const hg_image *const *images, size_t n,
                                hg_error *err);

/* `path`: where the picture was written; codes only when `with_codes`; `source` may be NULL. */
hg_status cli_json_print_drawing(const hg_draw_result *r, const char *task, const char *path, bool with_codes,
                                 const hg_image *source, hg_error *err);

/* {"codes": [...]} */
hg_status cli_json_print_codes(const int32_t *codes, size_t n, hg_error *err);

/* A JSON text as it is, indented. */
hg_status cli_json_print_text(const char *json, hg_error *err);

#endif
