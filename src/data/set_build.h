/* SPDX-License-Identifier: Apache-2.0
 *
 * set_build.h: what the pieces of hg_data_build share.
 */
#ifndef HG_DATA_SET_BUILD_H
#define HG_DATA_SET_BUILD_H

#include "data/name_table.h"
#include "data/set_page.h"
#include "data/set_source.h"
#include "data/set_writer.h"

#include <healthgpt/data.h>

#endif
