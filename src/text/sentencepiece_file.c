/* SPDX-License-Identifier: Apache-2.0
 *
 * sentencepiece_file.c: a bounded reader of the one protobuf message that `tokenizer.model` is:
 *
 *     ModelProto       1: pieces (repeated)   2: trainer_spec   3: normalizer_spec
 *     piece            1: text   2: score (float)   3: kind (1 if absent)
 *     trainer_spec     3: model kind (2 is BPE; 1 if absent)   24: space as suffix   35: byte fallback
 *     normalizer_spec  2: compiled character map   3: dummy prefix   4: remove extra spaces   5: escape
 * spaces
 *
 * Other fields are skipped. Nothing is allocated from a length in the file; every read is checked.
 */
#include "text/sentencepiece_file.h"

#include "text/utf8.h"

#include <math.h>
#include <string.h>

#define MODEL_KIND_BPE 2

typedef struct pb_reader {
    const uint8_t *data;
    size_t size, at;
    const uint8_t *begin; /* of the file, for error texts */
    hg_error *err;
} pb_reader;

typedef struct pb_field {
    uint32_t number;
    uint32_t wire;     /* 0 number, 1 eight bytes, 2 bytes, 5 four bytes */
    uint64_t value;    /* wire 0, 5 */
    pb_reader content; /* wire 2 */
} pb_field;

static hg_status pb_broken(const pb_reader *r, const char *what)
{
    return hg_error_set(r->err, HG_STATUS_INPUT, "not a SentencePiece model: %s at byte %zu", what,
                        (size_t)(r->data - r->begin) + r->at);
}

static hg_status pb_number(pb_reader *r, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (r->at == r->size)
            return pb_broken(r, "cut number");
        uint8_t byte = r->data[r->at++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *out = value;
            return HG_STATUS_OK;
        }
    }
    return pb_broken(r, "number of more than 64 bits");
}

static hg_status pb_bytes(pb_reader *r, uint64_t n, const uint8_t **out)
{
    if (n > r->size - r->at)
        return pb_broken(r, "field that ends behind the file");
    *out = r->data + r->at;
    r->at += (size_t)n;
    return HG_STATUS_OK;
}

static hg_status pb_next(pb_reader *r, pb_field *f)
{
    uint64_t key = 0, n = 0;
    const uint8_t *bytes = NULL;
    hg_status status = pb_number(r, &key);
    if (status != HG_STATUS_OK)
        return status;
    if (key >> 3 == 0 || key >> 3 > 0x1fffffff)
        return pb_broken(r, "bad field number");
    *f = (pb_field){.number = (uint32_t)(key >> 3), .wire = (uint32_t)(key & 7)};
    switch (f->wire) {
    case 0:
        return pb_number(r, &f->value);
    case 1:
        return pb_bytes(r, 8, &bytes);
    case 2:
        status = pb_number(r, &n);
        if (status == HG_STATUS_OK)
            status = pb_bytes(r, n, &bytes);
        if (status == HG_STATUS_OK)
            f->content = (pb_reader){bytes, (size_t)n, 0, r->begin, r->err};
        return status;
    case 5:
        status = pb_bytes(r, 4, &bytes);
        for (unsigned i = 0; status == HG_STATUS_OK && i < 4; i++)
            f->value |= (uint64_t)bytes[i] << (8 * i);
        return status;
    default:
        return pb_broken(r, "bad field type");
    }
}

static hg_status check_piece(const pb_reader *piece, size_t id, const pb_reader *text, uint64_t kind,
                             float score)
{
    if (kind < HG_TOKEN_KIND_NORMAL || kind > HG_TOKEN_KIND_BYTE)
        return pb_broken(piece, "piece of unknown kind");
    if (kind == HG_TOKEN_KIND_UNUSED)
        return hg_error_set(piece->err, HG_STATUS_INPUT,
                            "piece %zu is marked as unused, which is not supported", id);
    if (!isfinite(score))
        return hg_error_set(piece->err, HG_STATUS_INPUT, "piece %zu has a score that is no number", id);
    for (size_t at = 0; at < text->size;) {
        hg_utf8_step step = hg_utf8_read(text->data + at, text->size - at);
        if (!step.valid)
            return hg_error_set(piece->err, HG_STATUS_INPUT, "piece %zu is not UTF-8", id);
        at += step.size;
    }
    return HG_STATUS_OK;
}

static hg_status read_piece(pb_reader *r, hg_token_table *vocab, hg_sentencepiece *sp)
{
    pb_reader text = {.size = 0};
    uint64_t kind = HG_TOKEN_KIND_NORMAL;
    float score = 0;
    while (r->at < r->size) {
        pb_field f;
        hg_status status = pb_next(r, &f);
        if (status != HG_STATUS_OK)
            return status;
        if (f.number == 1 && f.wire == 2)
            text = f.content;
        if (f.number == 2 && f.wire == 5)
            memcpy(&score, &(uint32_t){(uint32_t)f.value}, sizeof score);
        if (f.number == 3 && f.wire == 0)
            kind = f.value;
    }
    size_t id = vocab->n;
    uint8_t byte = 0;
    hg_status status = check_piece(r, id, &text, kind, score);
    if (status == HG_STATUS_OK && kind == HG_TOKEN_KIND_BYTE &&
        !hg_token_byte_name((const char *)text.data, text.size, &byte))
        status = hg_error_set(r->err, HG_STATUS_INPUT, "byte piece %zu is not named as one", id);
    if (status == HG_STATUS_OK)
        status = hg_token_table_add(vocab, (int64_t)id, (const char *)text.data, text.size,
                                    (hg_token_kind)kind, 0, r->err);
    if (status != HG_STATUS_OK)
        return status;
    vocab->tokens[id].score = score;
    vocab->tokens[id].byte = byte;
    if (kind == HG_TOKEN_KIND_CONTROL)
        vocab->tokens[id].flags = HG_TOKEN_SPECIAL;
    if (kind == HG_TOKEN_KIND_UNKNOWN)
        sp->unknown = (int32_t)id;
    return HG_STATUS_OK;
}

static hg_status read_trainer(pb_reader *r, uint64_t *model_kind, hg_sentencepiece *sp)
{
    while (r->at < r->size) {
        pb_field f;
        hg_status status = pb_next(r, &f);
        if (status != HG_STATUS_OK)
            return status;
        if (f.number == 3 && f.wire == 0)
            *model_kind = f.value;
        if (f.number == 24 && f.wire == 0 && f.value != 0)
            return hg_error_set(r->err, HG_STATUS_INPUT,
                                "models with the space mark behind words are not supported");
        if (f.number == 35 && f.wire == 0)
            sp->byte_fallback = f.value != 0;
    }
    return HG_STATUS_OK;
}

static hg_status read_normalizer(pb_reader *r, hg_sentencepiece *sp)
{
    while (r->at < r->size) {
        pb_field f;
        hg_status status = pb_next(r, &f);
        if (status != HG_STATUS_OK)
            return status;
        if (f.number == 2 && f.wire == 2 && f.content.size > 0)
            return hg_error_set(r->err, HG_STATUS_INPUT,
                                "the model has a character map of %zu bytes; only identity is supported",
                                f.content.size);
        if (f.number == 3 && f.wire == 0)
            sp->add_dummy_prefix = f.value != 0;
        if (f.number == 4 && f.wire == 0)
            sp->remove_extra_spaces = f.value != 0;
        if (f.number == 5 && f.wire == 0 && f.value == 0)
            return hg_error_set(r->err, HG_STATUS_INPUT, "models without the space mark are not supported");
    }
    return HG_STATUS_OK;
}

hg_status hg_sentencepiece_parse(const uint8_t *data, size_t size, hg_token_table *vocab,
                                 hg_sentencepiece *sp, hg_error *err)
{
    pb_reader r = {data, size, 0, data, err};
    uint64_t model_kind = 1;
    *sp = (hg_sentencepiece){
        .vocab = vocab, .unknown = -1, .add_dummy_prefix = true, .remove_extra_spaces = true};
    hg_status status = HG_STATUS_OK;
    while (status == HG_STATUS_OK && r.at < r.size) {
        pb_field f;
        status = pb_next(&r, &f);
        if (status != HG_STATUS_OK || f.wire != 2)
            continue;
        if (f.number == 1)
            status = read_piece(&f.content, vocab, sp);
        else if (f.number == 2)
            status = read_trainer(&f.content, &model_kind, sp);
        else if (f.number == 3)
            status = read_normalizer(&f.content, sp);
    }
    if (status != HG_STATUS_OK)
        return status;
    if (vocab->n == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "not a SentencePiece model: no pieces in %zu bytes", size);
    if (model_kind != MODEL_KIND_BPE)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "a SentencePiece model of kind %llu; only BPE (2) is supported",
                            (unsigned long long)model_kind);
    return hg_sentencepiece_prepare(sp, vocab->n, err);
}
