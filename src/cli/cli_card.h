/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_card.h: the report of hg_model_inspect on a terminal.
 */
#ifndef HG_CLI_CLI_CARD_H
#define HG_CLI_CLI_CARD_H

#include <jansson.h>

/* Prints a model's card, or what a file of tensors holds. Texts that files chose are changed in place:
 * characters that a terminal would obey become '?'. */
void cli_card_print(json_t *report);

/* Makes one such text harmless, in place. */
void cli_card_clean(char *text);

#endif
