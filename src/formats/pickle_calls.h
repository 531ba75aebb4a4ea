/* SPDX-License-Identifier: Apache-2.0
 *
 * pickle_calls.h: the white list of pickle.c: which globals exist and what "calling" one of them gives. All
 * of it only makes values out of values.
 */
#ifndef HG_FORMATS_PICKLE_CALLS_H
#define HG_FORMATS_PICKLE_CALLS_H

#include "formats/pickle.h"

/* Fills a HG_PICKLE_GLOBAL value from "module" and "name"; HG_STATUS_INPUT when it is not on the list. */
hg_status hg_pickle_find_global(hg_pickle_value *out, const hg_pickle_text *module,
                                const hg_pickle_text *name, hg_error *err) HG_MUST_CHECK;

/* What function(arguments) is; `arguments` is a tuple. *out may be one of the arguments. */
hg_status hg_pickle_call(hg_pickle_value *fresh, hg_arena *arena, const hg_pickle_value *function,
                         const hg_pickle_value *arguments, const hg_pickle_value **out,
                         hg_error *err) HG_MUST_CHECK;

/* A storage from its persistent id, the tuple ('storage', type, key, location, count). */
hg_status hg_pickle_load_storage(hg_pickle_value *fresh, hg_arena *arena, const hg_pickle_value *id,
                                 hg_error *err) HG_MUST_CHECK;

bool hg_pickle_text_is(const hg_pickle_text *text, const char *word);

#endif
