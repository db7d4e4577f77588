#include "shared/x509/der.h"

enum {
    LENGTH_IS_LONG = 0x80,
    IDENTIFIER_GOES_ON = 0x80,
    PIECES_DEPTH_MAX = 5, /* as OpenSSL's ASN1_MAX_STRING_NEST */
};

static void skip_identifier(struct reader *reader)
{
    uint64_t octet = reader_integer(reader, 1);
    if ((octet & DER_NUMBER_MASK) != DER_NUMBER_MASK)
        return;
    do
        octet = reader_integer(reader, 1);
    while (octet & IDENTIFIER_GOES_ON);
}

/* A definite length; leading zero octets, which BER allows, do not count against its width. */
static uint64_t read_length(struct reader *reader, bool *is_indefinite)
{
    uint64_t first = reader_integer(reader, 1);
    *is_indefinite = first == LENGTH_IS_LONG;
    if (first < LENGTH_IS_LONG)
        return first;
    size_t width = first & ~(uint64_t)LENGTH_IS_LONG;
    while (width && reader->remaining && reader->next[0] == 0) {
        (void)reader_take(reader, 1);
        width--;
    }
    if (width > sizeof(uint64_t)) {
        reader_fail(reader);
        return 0;
    }
    return width ? reader_integer(reader, width) : 0;
}

/* Passes the contents up to and with the end-of-contents octets that match (X.690 section 8.1.3.6).
 * Nesting is counted, not followed, so its depth costs nothing. */
static struct bytes take_indefinite(struct reader *reader)
{
    const uint8_t *start = reader->next;
    const uint8_t *end = start;
    for (size_t depth = 1; depth && reader_ok(reader);) {
        end = reader->next;
        if (reader->remaining >= 2 && end[0] == 0 && end[1] == 0) {
            (void)reader_take(reader, 2);
            depth--;
            continue;
        }
        bool is_indefinite;
        skip_identifier(reader);
        uint64_t size = read_length(reader, &is_indefinite);
        if (is_indefinite)
            depth++;
        else if (size <= reader->remaining)
            (void)reader_take(reader, (size_t)size);
        else
            reader_fail(reader);
    }
    return reader_ok(reader) ? bytes_of(start, (size_t)(end - start)) : (struct bytes){ 0 };
}

bool der_next_long(struct reader *reader, struct der_element *element)
{
    *element = (struct der_element){ 0 };
    struct bytes rest = reader_rest(reader);
    bool is_indefinite;
    skip_identifier(reader);
    uint64_t size = read_length(reader, &is_indefinite);
    if (size > reader->remaining)
        reader_fail(reader);
    struct bytes content =
        is_indefinite ? take_indefinite(reader) : reader_take(reader, (size_t)size);
    if (!reader_ok(reader))
        return false;
    element->tag = rest.data[0];
    element->content = content;
    element->whole = bytes_of(rest.data, rest.size - reader->remaining);
    return true;
}

/* As deep as PIECES_DEPTH_MAX, and not the input, says. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static bool append_pieces(struct buffer *out, struct bytes pieces, unsigned depth)
{
    struct reader reader = reader_of(pieces);
    struct der_element piece = { 0 };
    while (reader.remaining && der_next(&reader, &piece)) {
        if (!(piece.tag & DER_CONSTRUCTED))
            buffer_append_bytes(out, piece.content);
        else if (depth == PIECES_DEPTH_MAX || !append_pieces(out, piece.content, depth + 1))
            return false;
    }
    return reader_ok(&reader);
}

bool der_append_pieces(struct buffer *out, struct bytes pieces)
{
    size_t start = out->size;
    if (append_pieces(out, pieces, 0) && !out->failed)
        return true;
    out->size = start;
    return false;
}
