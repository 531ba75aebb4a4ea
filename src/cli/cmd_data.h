/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_data.h: the actions of `healthgpt data`.
 */
#ifndef HG_CLI_CMD_DATA_H
#define HG_CLI_CMD_DATA_H

int cmd_data_build(int argc, char **argv);
int cmd_data_check(int argc, char **argv);
int cmd_data_tokens(int argc, char **argv);

/* Prints the help of all of them. */
void cmd_data_help(void);

#endif
