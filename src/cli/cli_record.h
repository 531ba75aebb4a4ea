/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_record.h: what the commands that write DICOM share: --deid, --deid-key, --no-burn-in, and the records
 * of the images that a result comes from.
 */
#ifndef HG_CLI_CLI_RECORD_H
#define HG_CLI_CLI_RECORD_H

#include <healthgpt/record.h>

#include <getopt.h>
#include <stdbool.h>

enum { CLI_RECORD_DEID = 2000, CLI_RECORD_KEY, CLI_RECORD_NO_BURN_IN };

/* clang-format off */
#define CLI_RECORD_OPTIONS \
    {"deid", no_argument, NULL, CLI_RECORD_DEID}, {"deid-key", required_argument, NULL, CLI_RECORD_KEY}, \
    {"no-burn-in", no_argument, NULL, CLI_RECORD_NO_BURN_IN}
/* clang-format on */

#define CLI_DEID_HELP                                                                                        \
    "  --deid                    DICOM output without what identifies the patient (headers, not pixels)\n"   \
    "  --deid-key FILE           with --deid: a file of 32 secret bytes; the same one gives the same new "   \
    "UIDs\n"

typedef struct cli_record_options {
    bool deid;
    bool no_burn_in;
    const char *key_path;
    uint8_t key[HG_DEID_KEY_BYTES];
} cli_record_options;

/* Takes an option of these; false when `code` is none. `argument` must stay. */
bool cli_record_take(cli_record_options *o, int code, const char *argument);

/* Whether `path` is to be a DICOM file. */
bool cli_record_wanted(const char *path);

#define CLI_MAX_RECORDS 64

typedef struct cli_records {
    hg_record *items[CLI_MAX_RECORDS];
    hg_record_source sources[CLI_MAX_RECORDS];
    size_t n;
    char model[65]; /* "" when none took part */
    const char *version;
} cli_records;

/* Adds the record of an image. Nothing of a patient is printed: of what is left out the keywords, and a
 * warning where --deid does not reach. */
hg_status cli_records_add(cli_records *records, const char *path, const hg_image *image,
                          const cli_record_options *o, bool quiet, hg_error *err);
void cli_records_close(cli_records *records);

/* What the result was made by: the model's own name, or else the last part of its path; "" is no version.
 * `version` must stay. */
void cli_records_name_model(cli_records *records, const char *name, const char *path, const char *version);

/* What can go wrong, before the work: sources of several patients, a key that cannot be read. */
hg_status cli_records_check(const cli_records *records, cli_record_options *o, hg_error *err);

/* Options of hg_record_save_image and hg_record_save_answer; both arguments must outlive them. */
hg_status cli_records_options(hg_record_options *out, const cli_records *records, cli_record_options *o,
                              hg_error *err);

#endif
