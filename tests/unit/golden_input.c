#include "tests/unit/golden_input.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "shared/base/base64.h"
#include "shared/base/reader.h"

enum {
    LIMIT = 64 << 20
};

static struct bytes take_word(struct bytes *line)
{
    const uint8_t *space = memchr(line->data, ' ', line->size);
    size_t size = space ? (size_t)(space - line->data) : line->size;
    struct bytes word = bytes_of(line->data, size);
    size_t used = space ? size + 1 : size;
    *line = bytes_of(line->data + used, line->size - used);
    return word;
}

/* RFC 6962 sections 3.4 and 4.6. */
static void read_entry(struct golden_input *input)
{
    struct reader leaf = reader_of(buffer_bytes(&input->decoded[0]));
    struct reader extra = reader_of(buffer_bytes(&input->decoded[1]));
    (void)reader_take(&leaf, 10);
    input->der = reader_integer(&leaf, 2) == 0 ? reader_vector(&leaf, 3) : reader_vector(&extra, 3);
    struct reader chain = reader_of(reader_vector(&extra, 3));
    while (chain.remaining) {
        assert_true(input->chain_count < GOLDEN_CHAIN_MAX);
        input->chain[input->chain_count++] = reader_vector(&chain, 3);
    }
    assert_true(reader_ok(&leaf) && reader_finished(&extra));
}

static void read_line(struct golden_input *input, struct bytes line)
{
    bool is_entry = bytes_equal_string(take_word(&line), "entry");
    (void)take_word(&line);
    for (size_t i = 0; i < 2; i++) {
        buffer_init(&input->decoded[i], LIMIT);
        assert_true(base64_decode(&input->decoded[i], take_word(&line)));
    }
    if (is_entry)
        read_entry(input);
    else
        input->der = buffer_bytes(&input->decoded[0]);
}

void golden_input_read_next(struct golden_input *input, struct bytes *lines)
{
    *input = (struct golden_input){ .chain_count = 0 };
    const uint8_t *end = memchr(lines->data, '\n', lines->size);
    assert_non_null(end);
    size_t size = (size_t)(end - lines->data);
    read_line(input, bytes_of(lines->data, size));
    *lines = bytes_of(end + 1, lines->size - size - 1);
}

void golden_input_free(struct golden_input *input)
{
    buffer_free(&input->decoded[0]);
    buffer_free(&input->decoded[1]);
}
