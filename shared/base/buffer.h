/*
 * A growable run of bytes with a ceiling. Errors are sticky: what would pass the ceiling is not
 * appended, the buffer is marked failed and stays so until buffer_clear, so a sequence of appends
 * is checked once.
 */
#ifndef SHARED_BASE_BUFFER_H
#define SHARED_BASE_BUFFER_H

#include "shared/base/bytes.h"

struct buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t limit;
    bool failed;
};

/* `limit`: the size in bytes that is too big to be right. Allocates nothing yet. */
void buffer_init(struct buffer *buffer, size_t limit);
/* Frees the bytes; the buffer is as after buffer_init. */
void buffer_free(struct buffer *buffer);
/* Forgets the contents and the failure, keeps the memory. */
void buffer_clear(struct buffer *buffer);
/* The slow path of buffer_reserve. */
bool buffer_grow(struct buffer *buffer, size_t size);

/* Room for `size` more bytes, or NULL (and failed) if that would pass the limit. The caller writes
 * there and then adds to buffer->size what it wrote. The pointer lives until the next append. */
static inline uint8_t *buffer_reserve(struct buffer *buffer, size_t size)
{
    if ((!buffer->data || buffer->capacity - buffer->size < size) && !buffer_grow(buffer, size))
        return NULL;
    return buffer->data + buffer->size;
}

static inline void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    uint8_t *room = buffer_reserve(buffer, size);
    if (!room || !size)
        return;
    memcpy(room, data, size);
    buffer->size += size;
}

static inline void buffer_append_bytes(struct buffer *buffer, struct bytes bytes)
{
    buffer_append(buffer, bytes.data, bytes.size);
}

static inline void buffer_append_string(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

static inline void buffer_append_byte(struct buffer *buffer, uint8_t byte)
{
    uint8_t *room = buffer_reserve(buffer, 1);
    if (!room)
        return;
    *room = byte;
    buffer->size++;
}

void buffer_append_unsigned(struct buffer *buffer, uint64_t value);
void buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A view of the contents, until the next append. */
static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
    return (struct bytes){ buffer->data, buffer->size };
}

#endif
