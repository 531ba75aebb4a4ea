/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_file.h: opens a file of named tensors, whatever its container: safetensors, a PyTorch zip (.bin,
 * .pt, .ckpt) or GGUF, told apart by content. Tensors point straight into the mapped file and are read-only;
 * they live until the file is closed. Nothing in a file is ever executed.
 */
#ifndef HG_FORMATS_TENSOR_FILE_H
#define HG_FORMATS_TENSOR_FILE_H

#include "base/file_map.h"
#include "formats/gguf.h"
#include "formats/tensor_list.h"

/* Longest new name in a view, with its zero. */
#define HG_TENSOR_RENAME_BYTES 192

typedef enum hg_tensor_file_kind {
    HG_TENSOR_FILE_SAFETENSORS,
    HG_TENSOR_FILE_TORCH,
    HG_TENSOR_FILE_GGUF
} hg_tensor_file_kind;

typedef struct hg_tensor_file hg_tensor_file;

/* HG_STATUS_INPUT, with the path in the text, when the file is missing, of another kind or damaged. */
hg_status hg_tensor_file_open(hg_tensor_file **out, const char *path, hg_error *err) HG_MUST_CHECK;
void hg_tensor_file_close(hg_tensor_file *f); /* NULL is allowed */

hg_tensor_file_kind hg_tensor_file_get_kind(const hg_tensor_file *f);
const char *hg_tensor_file_kind_name(hg_tensor_file_kind kind); /* "safetensors", "PyTorch", "GGUF" */
const char *hg_tensor_file_get_path(const hg_tensor_file *f);

size_t hg_tensor_file_bytes(const hg_tensor_file *f); /* of the whole file */

/* The metadata of a GGUF file; NULL for the other kinds. */
const hg_gguf *hg_tensor_file_get_gguf(const hg_tensor_file *f);

size_t hg_tensor_file_n_tensors(const hg_tensor_file *f);

/* Tensor i of n_tensors in the file's order; check `unsupported` before using its data. */
const hg_named_tensor *hg_tensor_file_get(const hg_tensor_file *f, size_t i);

/* The tensor of that name; NULL when there is none or it is unsupported. */
const hg_tensor *hg_tensor_file_find(const hg_tensor_file *f, const char *name);

/* The tensor of that name, supported or not; NULL when there is none. */
const hg_named_tensor *hg_tensor_file_find_any(const hg_tensor_file *f, const char *name);

/* As hg_tensor_file_find, but the error says which of the two it was, and names file and tensor. */
hg_status hg_tensor_file_need(const hg_tensor_file *f, const char *name, const hg_tensor **out,
                              hg_error *err) HG_MUST_CHECK;

/* Lets go of the memory that `bytes` bytes of a tensor of this file take, which then come from the disk again
 * (see hg_file_map_release). Bytes that are not the file's own, copies, are kept. */
void hg_tensor_file_release(const hg_tensor_file *f, const void *from, size_t bytes);

/* Keeps the whole file in memory until it is closed: 0, or an errno (see hg_file_map_lock). */
int hg_tensor_file_lock(const hg_tensor_file *f);

/* Moves the file's memory to huge pages, as far as wanted and possible (see hg_file_map_use_huge). */
void hg_tensor_file_use_huge(hg_tensor_file *f, hg_huge_use *use);

/* Several files as one name space. */
typedef struct hg_tensor_set hg_tensor_set;

/* The weights of a Hugging Face folder: model.safetensors, else model.safetensors.index.json and its shards,
 * else pytorch_model.bin, else pytorch_model.bin.index.json and its shards. Shards are plain names in the
 * same folder; every tensor of the index must be in its shard, and no two shards may hold the same name. */
hg_status hg_tensor_set_open_folder(hg_tensor_set **out, const char *folder, hg_error *err) HG_MUST_CHECK;

/* One file as a set. */
hg_status hg_tensor_set_open_file(hg_tensor_set **out, const char *path, hg_error *err) HG_MUST_CHECK;

/* Some tensors of a file under other names: `rename` writes the new name of `name` to `out` and returns true,
 * or returns false for a tensor that does not belong to the set. The file is borrowed and must outlive the
 * set. Tensors are in the file's order. HG_STATUS_INPUT when two get one name. */
typedef bool (*hg_tensor_rename)(const void *user, const char *name, char out[HG_TENSOR_RENAME_BYTES]);
hg_status hg_tensor_set_open_view(hg_tensor_set **out, const hg_tensor_file *file, hg_tensor_rename rename,
                                  const void *user, hg_error *err) HG_MUST_CHECK;

/* A set without files for models that are begun: whoever asks for a tensor by name and shape gets it from
 * `make`, so that the code that loads a model also says what a new one consists of. Such a set lists nothing
 * and finds nothing by name alone. */
typedef hg_status (*hg_tensor_maker)(void *user, const char *name, int n_dims, const int64_t *shape,
                                     const hg_tensor **out, hg_error *err);
hg_status hg_tensor_set_open_maker(hg_tensor_set **out, hg_tensor_maker make, void *user,
                                   hg_error *err) HG_MUST_CHECK;
void hg_tensor_set_close(hg_tensor_set *set); /* NULL is allowed */

size_t hg_tensor_set_n_files(const hg_tensor_set *set);
const hg_tensor_file *hg_tensor_set_get_file(const hg_tensor_set *set, size_t i);

/* hg_tensor_file_use_huge for the set's own files: not those of a view, nor of a set that makes its tensors.
 */
void hg_tensor_set_use_huge(hg_tensor_set *set, hg_huge_use *use);

size_t hg_tensor_set_n_tensors(const hg_tensor_set *set);
const hg_named_tensor *hg_tensor_set_get(const hg_tensor_set *set,
                                         size_t i); /* by file, then as in the file */
const hg_tensor *hg_tensor_set_find(const hg_tensor_set *set, const char *name);
hg_status hg_tensor_set_need(const hg_tensor_set *set, const char *name, const hg_tensor **out,
                             hg_error *err) HG_MUST_CHECK;

/* The same; a set that makes its tensors makes it in this shape. The shape of others is the caller's to
 * check. */
hg_status hg_tensor_set_need_shaped(const hg_tensor_set *set, const char *name, int n_dims,
                                    const int64_t *shape, const hg_tensor **out, hg_error *err) HG_MUST_CHECK;

/* hg_tensor_file_release for whichever file the bytes lie in. */
void hg_tensor_set_release(const hg_tensor_set *set, const void *from, size_t bytes);

#endif
