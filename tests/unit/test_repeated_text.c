#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "streamer/filter/repeated_text.h"

static size_t number_of(struct repeated_texts *texts, const char *text)
{
    return repeated_texts_number(texts, bytes_of_string(text));
}

static void a_text_keeps_its_number_and_its_verdict(void **state)
{
    (void)state;
    struct repeated_texts *texts = repeated_texts_create();
    struct text_verdicts verdicts = { 0 };
    bool holds;
    size_t oak = number_of(texts, "oak"), elm = number_of(texts, "elm"),
           none = number_of(texts, "");
    assert_true(oak != elm && elm != none && oak != none);
    assert_int_equal(number_of(texts, "oak"), oak);
    assert_int_equal(number_of(texts, ""), none);
    assert_false(text_verdicts_know(&verdicts, texts, oak, &holds));
    text_verdicts_note(&verdicts, texts, oak, true);
    text_verdicts_note(&verdicts, texts, elm, false);
    assert_true(text_verdicts_know(&verdicts, texts, oak, &holds) && holds);
    assert_true(text_verdicts_know(&verdicts, texts, elm, &holds) && !holds);
    assert_false(text_verdicts_know(&verdicts, texts, none, &holds));
    repeated_texts_destroy(texts);
}

static void when_there_is_no_room_all_are_forgotten(void **state)
{
    (void)state;
    struct repeated_texts *texts = repeated_texts_create();
    struct text_verdicts verdicts = { 0 };
    char text[16];
    bool holds;
    for (unsigned turn = 0; turn < 5; turn++)
        for (unsigned i = 0; i < REPEATED_TEXTS_MAX; i++) {
            (void)snprintf(text, sizeof text, "%u/%u", turn, i);
            size_t number = number_of(texts, text);
            assert_int_equal(number, i);
            assert_false(text_verdicts_know(&verdicts, texts, number, &holds));
            text_verdicts_note(&verdicts, texts, number, i % 2);
            assert_true(text_verdicts_know(&verdicts, texts, number, &holds));
            assert_int_equal(holds, i % 2);
        }
    repeated_texts_destroy(texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_keeps_its_number_and_its_verdict),
        cmocka_unit_test(when_there_is_no_room_all_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
