/* SPDX-License-Identifier: Apache-2.0
 *
 * guard.h: memory that ends where a page without access begins, so that a read or write past its end ends the
 * test.
 */
#ifndef HG_TESTS_GUARD_H
#define HG_TESTS_GUARD_H

#include <stddef.h>

/* `bytes` of zeros right before the guard page; aligned only as its size allows. Ends the program when memory
 * is short. */
void *guard_alloc(size_t bytes);
void guard_free(void *p, size_t bytes);

/* Guard pages of later allocations may be read, but not written: for emulators that read what a masked load
 * leaves out. */
void guard_allow_reads(void);

#endif
