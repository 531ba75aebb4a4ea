/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_eval.h: the parts of `healthgpt eval`; argv[0] is the part's name.
 */
#ifndef HG_CLI_CMD_EVAL_H
#define HG_CLI_CMD_EVAL_H

int cmd_eval_set(int argc, char **argv);

#endif
