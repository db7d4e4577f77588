#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "streamer/filter/plain_name.h"

#define NAME(text)                                \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

static void a_name_without_what_is_no_name(void **state)
{
    (void)state;
    static const struct {
        struct bytes name, plain;
    } cases[] = {
        { NAME("www.example.com"), NAME("www.example.com") },
        { NAME("*.example.com"), NAME("*.example.com") },
        { NAME("www.example.com."), NAME("www.example.com") },
        { NAME("www.example.com..."), NAME("www.example.com") },
        { NAME(" \t www.example.com\r\n"), NAME("www.example.com") },
        { NAME("https://www.example.com"), NAME("www.example.com") },
        { NAME("https://www.example.com:8443/a/b?c=d#e"), NAME("www.example.com") },
        { NAME("www.example.com:443"), NAME("www.example.com") },
        { NAME("www.example.com:"), NAME("www.example.com") },
        { NAME("www.example.com./"), NAME("www.example.com") },
        { NAME("www.example.com/path"), NAME("www.example.com") },
        { NAME("www.example.com?q"), NAME("www.example.com") },
        { NAME("www.bank.example\0.evil.example"), NAME("www.bank.example") },
        { NAME(" https://www.example.com. :80 \0x"), NAME("www.example.com") },
        { NAME("a b.example"), NAME("a b.example") },
        { NAME("1.2.3.4"), NAME("1.2.3.4") },
        { NAME("1234"), NAME("1234") },
        { NAME("x.y://z"), NAME("x.y") },
        { NAME("://z"), NAME("z") },
        { NAME("\0a"), NAME("") },
        { NAME("..."), NAME("") },
        { NAME(" "), NAME("") },
        { NAME(""), NAME("") },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes plain = plain_name_of(cases[i].name);
        if (!bytes_equal(plain, cases[i].plain))
            fail_msg("%.*s: %.*s", (int)cases[i].name.size, (const char *)cases[i].name.data,
                     (int)plain.size, (const char *)plain.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_without_what_is_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
