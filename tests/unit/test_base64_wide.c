/*
 * Base64 as it is read in wide runs, beside a reader that takes a character at a time: every letter
 * and every other byte at every place of a run, texts of all lengths, whole and spoilt. Text and
 * result end, or begin, at a page that may not be touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/base64.h"
#include "shared/base/base64_wide.h"
#include "tests/support/seeded_random.h"

enum {
    RUN = 32,
    ROOM = 12,           /* characters behind a run without which it is left */
    TEXT_SIZE = 4 * RUN, /* of the tests that look at each place */
    LENGTHS = 600,       /* bytes of the longest random text */
    ROUNDS = 20000,
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* A page between two that may not be touched. */
struct guarded {
    uint8_t *pages;
    size_t size;
};

static struct guarded guarded_create(void)
{
    struct guarded guarded = { .size = (size_t)sysconf(_SC_PAGESIZE) };
    guarded.pages = mmap(NULL, 3 * guarded.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(guarded.pages, MAP_FAILED);
    assert_int_equal(mprotect(guarded.pages + guarded.size, guarded.size, PROT_READ | PROT_WRITE),
                     0);
    return guarded;
}

static void guarded_free(struct guarded *guarded)
{
    assert_int_equal(munmap(guarded->pages, 3 * guarded->size), 0);
}

/* `size` bytes before the end of what may be touched, or from its beginning on. */
static uint8_t *guarded_place(const struct guarded *guarded, size_t size, bool at_end)
{
    return guarded->pages + guarded->size + (at_end ? guarded->size - size : 0);
}

struct world {
    struct guarded text, out;
    bool is_wide; /* the processor can */
};

static int setup(void **state)
{
    static struct world world;
    uint8_t text[TEXT_SIZE], out[TEXT_SIZE];
    memset(text, 'A', sizeof text);
    world = (struct world){ guarded_create(), guarded_create(),
                            base64_wide_decode(out, text, sizeof text) > 0 };
    if (!world.is_wide)
        print_message("this processor reads base64 a group at a time\n");
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    guarded_free(&world->text);
    guarded_free(&world->out);
    return 0;
}

/* -1: no letter. */
static int value_of(uint8_t character)
{
    const char *at = character ? strchr(alphabet, character) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

/* RFC 4648 section 4, word for word. True with `size` bytes in `out` if it is strict base64. */
static bool read_slowly(uint8_t *out, size_t *size, const uint8_t *text, size_t text_size)
{
    size_t letters = text_size;
    while (letters && text_size - letters < 2 && text[letters - 1] == '=')
        letters--;
    uint32_t bits = 0;
    unsigned count = 0;
    *size = 0;
    for (size_t i = 0; i < letters; i++) {
        int value = value_of(text[i]);
        if (value < 0)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        out[(*size)++] = (uint8_t)(bits >> count);
    }
    return text_size % 4 == 0 && count < 6 && !(bits & ((1U << count) - 1));
}

/* Characters that are read in runs of a text whose first `good` are letters. */
static size_t wide_part(const struct world *world, size_t size, size_t good)
{
    size_t runs = size < RUN + ROOM ? 0 : (size - RUN - ROOM) / RUN + 1;
    size_t good_runs = good / RUN;
    return world->is_wide ? RUN * (runs < good_runs ? runs : good_runs) : 0;
}

/* Both readers say the same of `text`, which need not be whole groups. */
static void compare(const struct world *world, const uint8_t *text, size_t size, bool at_end)
{
    static uint8_t expected[LENGTHS + 3];
    size_t expected_size = 0;
    bool is_good = read_slowly(expected, &expected_size, text, size);
    uint8_t *in = guarded_place(&world->text, size, at_end);
    if (size)
        memcpy(in, text, size);
    /* A text that is refused may have been read by then, to where a good one of its length ends. */
    bool is_padded = size % 4 == 0 && size && text[size - 1] == '=';
    size_t padding = is_padded ? 1 + (text[size - 2] == '=') : 0;
    size_t out_size = size % 4 ? expected_size : size / 4 * 3 - padding;
    uint8_t *out = guarded_place(&world->out, out_size, at_end);
    assert_int_equal(base64_decode_exactly(out, out_size, bytes_of(in, size)), is_good);
    if (is_good && out_size)
        assert_memory_equal(out, expected, out_size);
}

static void fill(uint8_t *text, size_t size, uint8_t letter)
{
    memset(text, letter, size);
}

static void reads_every_letter_at_every_place(void **state)
{
    const struct world *world = *state;
    uint8_t text[TEXT_SIZE];
    for (size_t letter = 0; letter < 64; letter++)
        for (size_t place = 0; place < sizeof text; place++) {
            /* Beside the bits of its own all are zero, and all are one. */
            fill(text, sizeof text, 'A');
            text[place] = (uint8_t)alphabet[letter];
            compare(world, text, sizeof text, true);
            fill(text, sizeof text, '/');
            text[place] = (uint8_t)alphabet[letter];
            compare(world, text, sizeof text, true);
        }
}

static void refuses_every_other_byte_at_every_place(void **state)
{
    const struct world *world = *state;
    uint8_t text[TEXT_SIZE];
    for (unsigned byte = 0; byte < 256; byte++)
        for (size_t place = 0; value_of((uint8_t)byte) < 0 && place < sizeof text; place++) {
            fill(text, sizeof text, (uint8_t)alphabet[place % 64]);
            text[place] = (uint8_t)byte;
            compare(world, text, sizeof text, true);
            uint8_t out[TEXT_SIZE];
            assert_int_equal(base64_wide_decode(out, text, sizeof text),
                             wide_part(world, sizeof text, place));
        }
}

static void writes_no_more_than_it_says(void **state)
{
    const struct world *world = *state;
    uint8_t text[TEXT_SIZE];
    fill(text, sizeof text, 'z');
    for (size_t size = 0; size <= sizeof text; size += 4) {
        size_t out_size = size / 4 * 3;
        uint8_t *in = guarded_place(&world->text, size, true);
        uint8_t *out = guarded_place(&world->out, out_size, true);
        memcpy(in, text, size);
        assert_int_equal(base64_wide_decode(out, in, size), wide_part(world, size, size));
    }
}

/* Canonical or not, padded or not, of whole groups or not. */
static void spoil(struct seeded_random *random, uint8_t *text, size_t *size)
{
    switch (seeded_random_below(random, 4)) {
    case 0: *size -= seeded_random_below(random, 4) % (*size + 1); break;
    case 1: text[*size - 1] = '='; break;
    case 2: text[seeded_random_below(random, *size)] = (uint8_t)seeded_random_next(random); break;
    default:
        text[*size - 1 - seeded_random_below(random, 4)] =
            (uint8_t)alphabet[seeded_random_below(random, 64)];
        break;
    }
}

static void agrees_about_random_texts(void **state)
{
    const struct world *world = *state;
    struct seeded_random random = seeded_random_of_run();
    struct buffer text;
    buffer_init(&text, base64_encoded_size(LENGTHS));
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t plain[LENGTHS];
        size_t size = seeded_random_below(&random, sizeof plain);
        seeded_random_fill(&random, plain, size);
        buffer_clear(&text);
        base64_encode(&text, bytes_of(plain, size));
        compare(world, text.data, text.size, round % 2);
        for (size_t times = text.size ? seeded_random_below(&random, 3) : 0; times; times--) {
            size_t spoilt = text.size;
            spoil(&random, text.data, &spoilt);
            compare(world, text.data, spoilt, round % 2);
        }
    }
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_letter_at_every_place),
        cmocka_unit_test(refuses_every_other_byte_at_every_place),
        cmocka_unit_test(writes_no_more_than_it_says),
        cmocka_unit_test(agrees_about_random_texts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
