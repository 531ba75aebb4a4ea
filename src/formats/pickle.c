/* SPDX-License-Identifier: Apache-2.0
 *
 * pickle.c: the stack machine. One handler an opcode, found in a table of 256; an opcode without one is
 * refused. Invariant: every read is behind a check of the bytes that are left, every pop behind one of the
 * stack above the innermost mark, so that any bytes whatever end in a value or an error. Memory is bounded by
 * the length of the pickle: an opcode makes at most one value, and memo slots beyond the number of bytes are
 * refused.
 */
#include "formats/pickle.h"

#include "base/memory.h"
#include "formats/pickle_calls.h"

#include <inttypes.h>
#include <string.h>

#define PICKLE_PROTOCOL 2
#define MAX_STACK ((size_t)1 << 20)
#define MAX_MARKS 256 /* open tuples, lists and dicts */
#define MAX_LINE 256  /* of a global's module or name */
#define POOL_ITEMS 128

typedef struct pickle_machine {
    const uint8_t *data;
    size_t size;
    size_t at;
    hg_arena *arena;
    hg_pickle_value *values; /* pool: the next unused */
    size_t n_values;
    hg_pickle_item *items; /* pool */
    size_t n_items;
    const hg_pickle_value **stack;
    size_t n_stack, stack_capacity;
    size_t marks[MAX_MARKS]; /* stack heights */
    size_t n_marks;
    const hg_pickle_value **memo;
    size_t n_memo;
    bool is_done;
    hg_error *err;
} pickle_machine;

typedef hg_status (*pickle_handler)(pickle_machine *m, uint8_t opcode);

static hg_status machine_memory(pickle_machine *m)
{
    return hg_error_set(m->err, HG_STATUS_INPUT, "the objects take more than %zu bytes", m->arena->max_bytes);
}

/* A new zeroed value; NULL when memory is short. */
static hg_pickle_value *machine_value(pickle_machine *m)
{
    if (m->n_values == 0) {
        m->values = hg_arena_array(m->arena, POOL_ITEMS, sizeof *m->values);
        if (m->values == NULL)
            return NULL;
        m->n_values = POOL_ITEMS;
    }
    m->n_values--;
    return m->values++;
}

static bool machine_add_item(pickle_machine *m, hg_pickle_value *container, const hg_pickle_value *key,
                             const hg_pickle_value *value)
{
    if (m->n_items == 0) {
        m->items = hg_arena_array(m->arena, POOL_ITEMS, sizeof *m->items);
        if (m->items == NULL)
            return false;
        m->n_items = POOL_ITEMS;
    }
    m->n_items--;
    hg_pickle_item *item = m->items++;
    *item = (hg_pickle_item){.key = key, .value = value};
    hg_pickle_list *list = &container->as.list;
    if (list->last == NULL)
        list->first = item;
    else
        list->last->next = item;
    list->last = item;
    list->n_items++;
    return true;
}

static hg_status machine_push(pickle_machine *m, const hg_pickle_value *value)
{
    if (value == NULL)
        return machine_memory(m);
    if (m->n_stack == m->stack_capacity) {
        size_t capacity = m->stack_capacity == 0 ? 256 : 2 * m->stack_capacity;
        if (capacity > MAX_STACK)
            return hg_error_set(m->err, HG_STATUS_INPUT, "more than %zu values on the stack", MAX_STACK);
        const hg_pickle_value **stack = hg_mem_resize(m->stack, capacity, sizeof *stack);
        if (stack == NULL)
            return hg_error_memory(m->err, capacity * sizeof *stack, "the stack of a pickle");
        m->stack = stack;
        m->stack_capacity = capacity;
    }
    m->stack[m->n_stack++] = value;
    return HG_STATUS_OK;
}

/* Values above the innermost mark: the only ones an opcode may touch. */
static size_t machine_height(const pickle_machine *m)
{
    return m->n_stack - (m->n_marks == 0 ? 0 : m->marks[m->n_marks - 1]);
}

static hg_status machine_need(pickle_machine *m, size_t n)
{
    if (machine_height(m) < n)
        return hg_error_set(m->err, HG_STATUS_INPUT, "%zu values are needed but the stack has %zu", n,
                            machine_height(m));
    return HG_STATUS_OK;
}

static hg_status machine_bytes(pickle_machine *m, size_t n, const uint8_t **out)
{
    if (n > m->size - m->at)
        return hg_error_set(m->err, HG_STATUS_INPUT, "%zu bytes are needed but %zu are left", n,
                            m->size - m->at);
    *out = m->data + m->at;
    m->at += n;
    return HG_STATUS_OK;
}

/* An unsigned number of n <= 8 bytes, little-endian. */
static hg_status machine_number(pickle_machine *m, size_t n, uint64_t *out)
{
    const uint8_t *p = NULL;
    hg_status status = machine_bytes(m, n, &p);
    if (status != HG_STATUS_OK)
        return status;
    *out = 0;
    for (size_t i = 0; i < n; i++)
        *out |= (uint64_t)p[i] << (8 * i);
    return HG_STATUS_OK;
}

static hg_status machine_push_int(pickle_machine *m, int64_t number)
{
    hg_pickle_value *value = machine_value(m);
    if (value != NULL)
        *value = (hg_pickle_value){.kind = HG_PICKLE_INT, .as.integer = number};
    return machine_push(m, value);
}

static hg_status op_proto(pickle_machine *m, uint8_t opcode)
{
    (void)opcode;
    uint64_t protocol = 0;
    hg_status status = machine_number(m, 1, &protocol);
    if (status == HG_STATUS_OK && protocol != PICKLE_PROTOCOL)
        status = hg_error_set(m->err, HG_STATUS_INPUT, "protocol %" PRIu64 ", only %d is read", protocol,
                              PICKLE_PROTOCOL);
    return status;
}

static hg_status op_stop(pickle_machine *m, uint8_t opcode)
{
    (void)opcode;
    if (m->n_stack != 1 || m->n_marks != 0)
        return hg_error_set(m->err, HG_STATUS_INPUT, "the pickle ends with %zu values on the stack",
                            m->n_stack);
    if (m->at != m->size)
        return hg_error_set(m->err, HG_STATUS_INPUT, "%zu bytes follow the end", m->size - m->at);
    m->is_done = true;
    return HG_STATUS_OK;
}

static hg_status op_mark(pickle_machine *m, uint8_t opcode)
{
    (void)opcode;
    if (m->n_marks == MAX_MARKS)
        return hg_error_set(m->err, HG_STATUS_INPUT, "nested deeper than %d", MAX_MARKS);
    m->marks[m->n_marks++] = m->n_stack;
    return HG_STATUS_OK;
}

/* None, True, False and the empty containers. */
static hg_status op_constant(pickle_machine *m, uint8_t opcode)
{
    hg_pickle_value *value = machine_value(m);
    if (value == NULL)
        return machine_memory(m);
    switch (opcode) {
    case 'N':
        value->kind = HG_PICKLE_NONE;
        break;
    case ')':
        value->kind = HG_PICKLE_TUPLE;
        break;
    case ']':
        value->kind = HG_PICKLE_LIST;
        break;
    case '}':
        value->kind = HG_PICKLE_DICT;
        break;
    default:
        value->kind = HG_PICKLE_BOOL;
        value->as.boolean = opcode == 0x88;
        break;
    }
    return machine_push(m, value);
}

/* BININT (signed), BININT1, BININT2. */
static hg_status op_int(pickle_machine *m, uint8_t opcode)
{
    uint64_t number = 0;
    hg_status status = machine_number(m, opcode == 'J' ? 4 : opcode == 'M' ? 2 : 1, &number);
    if (status != HG_STATUS_OK)
        return status;
    return machine_push_int(m, opcode == 'J' ? (int32_t)(uint32_t)number : (int64_t)number);
}

/* LONG1, LONG4: two's complement of as many bytes as it says. */
static hg_status op_long(pickle_machine *m, uint8_t opcode)
{
    uint64_t n = 0, number = 0;
    hg_status status = machine_number(m, opcode == 0x8a ? 1 : 4, &n);
    if (status != HG_STATUS_OK)
        return status;
    if (n > 8)
        return hg_error_set(m->err, HG_STATUS_INPUT, "a number of %" PRIu64 " bytes, at most 8", n);
    status = machine_number(m, (size_t)n, &number);
    if (status != HG_STATUS_OK)
        return status;
    if (n > 0 && n < 8 && (number >> (8 * n - 1)) != 0)
        number |= UINT64_MAX << (8 * n);
    return machine_push_int(m, (int64_t)number);
}

/* BINFLOAT: 8 bytes, big-endian. */
static hg_status op_float(pickle_machine *m, uint8_t opcode)
{
    (void)opcode;
    const uint8_t *p = NULL;
    hg_status status = machine_bytes(m, 8, &p);
    if (status != HG_STATUS_OK)
        return status;
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | p[i];
    hg_pickle_value *value = machine_value(m);
    if (value != NULL) {
        value->kind = HG_PICKLE_FLOAT;
        memcpy(&value->as.real, &bits, sizeof bits);
    }
    return machine_push(m, value);
}

/* BINUNICODE: u32 bytes, UTF-8. */
static hg_status op_string(pickle_machine *m, uint8_t opcode)
{
    (void)opcode;
    uint64_t n = 0;
    const uint8_t *p = NULL;
    hg_status status = machine_number(m, 4, &n);
    if (status == HG_STATUS_OK)
        status = machine_bytes(m, (size_t)n, &p);
    if (status != HG_STATUS_OK)
        return status;
    hg_pickle_value *value = machine_value(m);
    if (value != NULL)
        *value = (hg_pickle_value){.kind = HG_PICKLE_STRING, .as.text = {(const char *)p, (size_t)n}};
    return machine_push(m, value);
}

/* TUPLE1, TUPLE2, TUPLE3, and TUPLE back to the mark. */
static hg_status op_tuple(pickle_machine *m, uint8_t opcode)
{
    size_t n = opcode == 't' ? machine_height(m) : (size_t)(opcode - 0x84);
    if (opcode == 't' && m->n_marks == 0)
        return hg_error_set(m->err, HG_STATUS_INPUT, "no mark on the stack");
    hg_status status = machine_need(m, n);
    if (status != HG_STATUS_OK)
        return status;
    hg_pickle_value *tuple = machine_value(m);
    if (tuple == NULL)
        return machine_memory(m);
    tuple->kind = HG_PICKLE_TUPLE;
    m->n_stack -= n;
    for (size_t i = 0; i < n; i++) {
        if (!machine_add_item(m, tuple, NULL, m->stack[m->n_stack + i]))
            return machine_memory(m);
    }
    if (opcode == 't')
        m->n_marks--;
    return machine_push(m, tuple);
}

/* APPEND, APPENDS, SETITEM, SETITEMS: the values on top go into the container below them. */
static hg_status op_fill(pickle_machine *m, uint8_t opcode)
{
    bool is_dict = opcode == 's' || opcode == 'u', to_mark = opcode == 'e' || opcode == 'u';
    size_t n = to_mark ? machine_height(m) : is_dict ? 2 : 1;
    if (to_mark && m->n_marks == 0)
        return hg_error_set(m->err, HG_STATUS_INPUT, "no mark on the stack");
    if (to_mark)
        m->n_marks--;
    hg_status status = machine_need(m, n + 1);
    if (status != HG_STATUS_OK)
        return status;
    m->n_stack -= n;
    const hg_pickle_value *const *from = m->stack + m->n_stack;
    /* The stack holds what machine_value made; containers are changed in place. */
    hg_pickle_value *container = (hg_pickle_value *)(uintptr_t)from[-1];
    if (container->kind != (is_dict ? HG_PICKLE_DICT : HG_PICKLE_LIST) || (is_dict && n % 2 != 0))
        return hg_error_set(m->err, HG_STATUS_INPUT, "%zu values do not go into this container", n);
    for (size_t i = 0; i < n; i += is_dict ? 2 : 1) {
        if (!machine_add_item(m, container, is_dict ? from[i] : NULL, is_dict ? from[i + 1] : from[i]))
            return machine_memory(m);
    }
    return HG_STATUS_OK;
}

/* BINPUT, LONG_BINPUT: remembers the top of the stack. */
static hg_status op_put(pickle_machine *m, uint8_t opcode)
{
    uint64_t slot = 0;
    hg_status status = machine_number(m, opcode == 'q' ? 1 : 4, &slot);
    if (status == HG_STATUS_OK)
        status = machine_need(m, 1);
    if (status != HG_STATUS_OK)
        return status;
    if (slot >= m->size)
        return hg_error_set(m->err, HG_STATUS_INPUT, "memo slot %" PRIu64 " in a pickle of %zu bytes", slot,
                            m->size);
    if (slot >= m->n_memo) {
        size_t n = (size_t)slot + (size_t)slot / 2 + 128;
        const hg_pickle_value **memo = hg_mem_resize(m->memo, n, sizeof *memo);
        if (memo == NULL)
            return hg_error_memory(m->err, n * sizeof *memo, "the memo of a pickle");
        for (size_t i = m->n_memo; i < n; i++)
            memo[i] = NULL;
        m->memo = memo;
        m->n_memo = n;
    }
    m->memo[slot] = m->stack[m->n_stack - 1];
    return HG_STATUS_OK;
}

/* BINGET, LONG_BINGET. */
static hg_status op_get(pickle_machine *m, uint8_t opcode)
{
    uint64_t slot = 0;
    hg_status status = machine_number(m, opcode == 'h' ? 1 : 4, &slot);
    if (status != HG_STATUS_OK)
        return status;
    if (slot >= m->n_memo || m->memo[slot] == NULL)
        return hg_error_set(m->err, HG_STATUS_INPUT, "memo slot %" PRIu64 " is empty", slot);
    return machine_push(m, m->memo[slot]);
}

static hg_status machine_line(pickle_machine *m, hg_pickle_text *out)
{
    size_t left = m->size - m->at;
    const uint8_t *begin = m->data + m->at, *end = memchr(begin, '\n', left < MAX_LINE ? left : MAX_LINE);
    if (end == NULL)
        return hg_error_set(m->err, HG_STATUS_INPUT, "a global's name does not end within %d bytes",
                            MAX_LINE);
    *out = (hg_pickle_text){(const char *)begin, (size_t)(end - begin)};
    m->at += out->bytes + 1;
    return HG_STATUS_OK;
}

static hg_status op_global(pickle_machine *m, uint8_t opcode)
{
    (void)opcode;
    hg_pickle_text module = {0}, name = {0};
    hg_status status = machine_line(m, &module);
    if (status == HG_STATUS_OK)
        status = machine_line(m, &name);
    if (status != HG_STATUS_OK)
        return status;
    hg_pickle_value *value = machine_value(m);
    if (value == NULL)
        return machine_memory(m);
    status = hg_pickle_find_global(value, &module, &name, m->err);
    return status == HG_STATUS_OK ? machine_push(m, value) : status;
}

static hg_status op_reduce(pickle_machine *m, uint8_t opcode)
{
    (void)opcode;
    hg_status status = machine_need(m, 2);
    if (status != HG_STATUS_OK)
        return status;
    hg_pickle_value *fresh = machine_value(m);
    if (fresh == NULL)
        return machine_memory(m);
    m->n_stack -= 2;
    const hg_pickle_value *result = NULL;
    status = hg_pickle_call(fresh, m->arena, m->stack[m->n_stack], m->stack[m->n_stack + 1], &result, m->err);
    return status == HG_STATUS_OK ? machine_push(m, result) : status;
}

/* BUILD sets attributes of an object. The only cases are the _metadata of a state dictionary and the details
 * of a NumPy type, which say nothing about the weights: they are dropped. */
static hg_status op_build(pickle_machine *m, uint8_t opcode)
{
    (void)opcode;
    hg_status status = machine_need(m, 2);
    if (status != HG_STATUS_OK)
        return status;
    hg_pickle_kind attributes = m->stack[m->n_stack - 1]->kind, object = m->stack[m->n_stack - 2]->kind;
    bool metadata = object == HG_PICKLE_DICT && attributes == HG_PICKLE_DICT;
    bool numpy_type = object == HG_PICKLE_NONE && attributes == HG_PICKLE_TUPLE;
    if (!metadata && !numpy_type)
        return hg_error_set(m->err, HG_STATUS_INPUT, "only a dict may have attributes");
    m->n_stack--;
    return HG_STATUS_OK;
}

static hg_status op_persistent(pickle_machine *m, uint8_t opcode)
{
    (void)opcode;
    hg_status status = machine_need(m, 1);
    if (status != HG_STATUS_OK)
        return status;
    hg_pickle_value *storage = machine_value(m);
    if (storage == NULL)
        return machine_memory(m);
    status = hg_pickle_load_storage(storage, m->arena, m->stack[--m->n_stack], m->err);
    return status == HG_STATUS_OK ? machine_push(m, storage) : status;
}

static const pickle_handler handlers[256] = {
    [0x80] = op_proto,    ['.'] = op_stop,     ['('] = op_mark,     ['N'] = op_constant,
    [')'] = op_constant,  [']'] = op_constant, ['}'] = op_constant, [0x88] = op_constant,
    [0x89] = op_constant, ['J'] = op_int,      ['K'] = op_int,      ['M'] = op_int,
    [0x8a] = op_long,     [0x8b] = op_long,    ['G'] = op_float,    ['X'] = op_string,
    [0x85] = op_tuple,    [0x86] = op_tuple,   [0x87] = op_tuple,   ['t'] = op_tuple,
    ['a'] = op_fill,      ['e'] = op_fill,     ['s'] = op_fill,     ['u'] = op_fill,
    ['q'] = op_put,       ['r'] = op_put,      ['h'] = op_get,      ['j'] = op_get,
    ['c'] = op_global,    ['R'] = op_reduce,   ['b'] = op_build,    ['Q'] = op_persistent,
};

static hg_status machine_run(pickle_machine *m)
{
    while (!m->is_done) {
        size_t position = m->at;
        if (m->at == m->size)
            return hg_error_set(m->err, HG_STATUS_INPUT, "pickle: it ends after %zu bytes without a stop",
                                m->size);
        uint8_t opcode = m->data[m->at++];
        if (handlers[opcode] == NULL)
            return hg_error_set(m->err, HG_STATUS_INPUT,
                                "pickle: byte %zu: opcode 0x%02x '%c' is not allowed", position, opcode,
                                opcode >= 0x20 && opcode < 0x7f ? opcode : '?');
        hg_status status = handlers[opcode](m, opcode);
        if (status != HG_STATUS_OK)
            return hg_error_prefix(m->err, status, "pickle: byte %zu", position);
    }
    return HG_STATUS_OK;
}

hg_status hg_pickle_read(const hg_pickle_value **out, hg_arena *arena, const uint8_t *data, size_t size,
                         hg_error *err)
{
    if (size > HG_PICKLE_MAX_BYTES)
        return hg_error_set(err, HG_STATUS_INPUT, "pickle: %zu bytes, at most %zu are read", size,
                            HG_PICKLE_MAX_BYTES);
    pickle_machine m = {.data = data, .size = size, .arena = arena, .err = err};
    hg_status status = machine_run(&m);
    if (status == HG_STATUS_OK)
        *out = m.stack[0];
    hg_mem_free(m.stack);
    hg_mem_free(m.memo);
    return status;
}

const hg_pickle_value *hg_pickle_dict_find(const hg_pickle_value *dict, const char *key)
{
    const hg_pickle_value *found = NULL;
    if (dict->kind != HG_PICKLE_DICT)
        return NULL;
    for (const hg_pickle_item *item = dict->as.list.first; item != NULL; item = item->next) {
        if (item->key->kind == HG_PICKLE_STRING && hg_pickle_text_is(&item->key->as.text, key))
            found = item->value;
    }
    return found;
}
