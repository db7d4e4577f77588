#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "streamer/edge/forwarded.h"

static struct trusted_proxies proxies_of(char *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(trusted_proxies_check(bytes_of_string(items[i])));
    return trusted_proxies_of(items, count);
}

static void the_client_is_the_rightmost_hop_that_is_not_trusted(void **state)
{
    (void)state;
    static char ipv4[] = "10.0.0.0/8";
    static char ipv6[] = "2001:db8:ffff::/48";
    static char *const items[] = { ipv4, ipv6 };
    static const struct {
        const char *header, *client;
    } rows[] = {
        { "192.0.2.1", "192.0.2.1" },
        { "  192.0.2.1\t", "192.0.2.1" },
        { "192.0.2.1, 10.0.0.1", "192.0.2.1" },
        { "192.0.2.1, 10.0.0.1, 10.0.0.2", "192.0.2.1" },
        { "192.0.2.1, 10.0.0.1, 2001:db8:ffff::1", "192.0.2.1" },
        /* What a client made up stands left of what a proxy added. */
        { "198.51.100.7, 192.0.2.1", "192.0.2.1" },
        { "10.9.9.9, 192.0.2.1, 10.0.0.1", "192.0.2.1" },
        { "nonsense, 192.0.2.1", "192.0.2.1" },
        { "192.0.2.1, nonsense", "unknown" },
        { "192.0.2.1, nonsense, 10.0.0.1", "unknown" },
        { "192.0.2.1, unknown", "unknown" },
        /* A client inside. */
        { "10.5.5.5", "10.5.5.5" },
        { "10.5.5.5, 10.0.0.1", "10.5.5.5" },
        { "192.0.2.1,, ,10.0.0.1,", "192.0.2.1" },
        { "192.0.2.1:4711", "192.0.2.1" },
        { "[2001:db8::1]", "2001:db8::1" },
        { "[2001:db8::1]:443", "2001:db8::1" },
        { "2001:db8::1", "2001:db8::1" },
        { "[2001:db8::1", "unknown" },
        { "[2001:db8::1]x", "unknown" },
        { "[]", "unknown" },
        { "[", "unknown" },
        { "192.0.2.1:", "unknown" },
        { "192.0.2.1:x", "unknown" },
        { "192.0.2.1:123456", "unknown" },
        { "", "unknown" },
        { ",", "unknown" },
    };
    struct trusted_proxies proxies = proxies_of(items, 2);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[ADDRESS_TEXT_SIZE];
        struct address client = forwarded_client(&proxies, bytes_of_string(rows[i].header));
        assert_string_equal(address_format(text, client), rows[i].client);
    }
    trusted_proxies_clear(&proxies);
}

static void only_who_is_named_is_trusted(void **state)
{
    (void)state;
    static char host[] = "127.0.0.1";
    static char unix_socket[] = "unix:";
    static char *const items[] = { host, unix_socket };
    struct trusted_proxies none = proxies_of(NULL, 0);
    struct trusted_proxies both = proxies_of(items, 2);
    struct address local;
    struct address other;
    assert_true(address_parse(&local, bytes_of_string("127.0.0.1")));
    assert_true(address_parse(&other, bytes_of_string("127.0.0.2")));
    assert_false(trusted_proxies_have(&none, local));
    assert_false(trusted_proxies_have(&none, (struct address){ 0 }));
    assert_true(trusted_proxies_have(&both, local));
    assert_true(trusted_proxies_have(&both, (struct address){ 0 }));
    assert_false(trusted_proxies_have(&both, other));
    trusted_proxies_clear(&none);
    trusted_proxies_clear(&both);
}

static void refuses_what_is_no_proxy(void **state)
{
    (void)state;
    static const char *const wrong[] = { "", "unix", "unix:/path", "proxy.example", "10.0.0.0/99" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(trusted_proxies_check(bytes_of_string(wrong[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_is_the_rightmost_hop_that_is_not_trusted),
        cmocka_unit_test(only_who_is_named_is_trusted),
        cmocka_unit_test(refuses_what_is_no_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
