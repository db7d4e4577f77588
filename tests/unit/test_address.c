#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "streamer/edge/address.h"

static struct address parse(const char *text)
{
    struct address address;
    if (!address_parse(&address, bytes_of_string(text)))
        fail_msg("%s is no address", text);
    return address;
}

static void reads_both_kinds_and_writes_them_canonically(void **state)
{
    (void)state;
    static const struct {
        const char *text, *canonical;
    } rows[] = {
        { "192.0.2.1", "192.0.2.1" },
        { "::ffff:192.0.2.1", "192.0.2.1" },
        { "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
        { "::", "::" },
        { "0.0.0.0", "0.0.0.0" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[ADDRESS_TEXT_SIZE];
        assert_string_equal(address_format(text, parse(rows[i].text)), rows[i].canonical);
    }
}

static void refuses_what_is_no_address(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",          "1.2.3",    "1.2.3.4.5",  "256.1.1.1",
                                         "1.2.3.4 ",  " 1.2.3.4", "::1%lo",     "[::1]",
                                         "localhost", ":::",      "1.2.3.4:80", "unknown" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct address address;
        assert_false(address_parse(&address, bytes_of_string(wrong[i])));
        assert_false(address.is_known);
    }
    struct address address;
    assert_false(address_parse(&address, bytes_of("1.2.3.4\0", 8)));
    char text[ADDRESS_TEXT_SIZE];
    assert_string_equal(address_format(text, address), "unknown");
}

static void a_socket_of_either_kind_says_the_same(void **state)
{
    (void)state;
    struct sockaddr_in ipv4 = { .sin_family = AF_INET };
    struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };
    struct sockaddr_un unix_socket = { .sun_family = AF_UNIX };
    assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &ipv4.sin_addr), 1);
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &ipv6.sin6_addr), 1);
    assert_true(address_equal(address_of_socket((struct sockaddr *)&ipv4), parse("192.0.2.1")));
    assert_true(address_equal(address_of_socket((struct sockaddr *)&ipv6), parse("192.0.2.1")));
    assert_false(address_of_socket((struct sockaddr *)&unix_socket).is_known);
}

static void a_customer_is_an_ipv4_address_or_a_64(void **state)
{
    (void)state;
    assert_true(address_equal(address_customer(parse("192.0.2.1")), parse("192.0.2.1")));
    assert_true(address_equal(address_customer(parse("2001:db8:1:2:3:4:5:6")),
                              address_customer(parse("2001:db8:1:2:ffff::"))));
    assert_false(address_equal(address_customer(parse("2001:db8:1:2::1")),
                               address_customer(parse("2001:db8:1:3::1"))));
}

static void ranges_contain_what_shares_their_bits(void **state)
{
    (void)state;
    static const struct {
        const char *range, *address;
        bool inside;
    } rows[] = {
        { "10.0.0.0/8", "10.255.0.1", true },
        { "10.0.0.0/8", "11.0.0.1", false },
        { "10.1.2.3/8", "10.9.9.9", true },
        { "192.0.2.128/25", "192.0.2.127", false },
        { "192.0.2.128/25", "192.0.2.255", true },
        { "0.0.0.0/0", "8.8.8.8", true },
        { "0.0.0.0/0", "::1", false },
        { "::/0", "2001:db8::1", true },
        { "::/0", "8.8.8.8", false },
        { "192.0.2.1", "192.0.2.1", true },
        { "192.0.2.1", "192.0.2.2", false },
        { "192.0.2.1/32", "::ffff:192.0.2.1", true },
        { "2001:db8::/33", "2001:db8:7fff::", true },
        { "2001:db8::/33", "2001:db8:8000::", false },
        { "fe80::1", "fe80::1", true },
        { "::1/128", "::1", true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address_range range;
        assert_true(address_range_parse(&range, bytes_of_string(rows[i].range)));
        if (address_range_contains(&range, parse(rows[i].address)) != rows[i].inside)
            fail_msg("%s and %s", rows[i].range, rows[i].address);
    }
    struct address_range all;
    assert_true(address_range_parse(&all, bytes_of_string("::/0")));
    assert_false(address_range_contains(&all, (struct address){ 0 }));
}

static void refuses_what_is_no_range(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",
                                         "/8",
                                         "10.0.0.0/",
                                         "10.0.0.0/33",
                                         "::/129",
                                         "10.0.0.0/-1",
                                         "10.0.0.0/8x",
                                         "10.0.0.0/0008",
                                         "10.0.0.0 /8",
                                         "10/8" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct address_range range;
        if (address_range_parse(&range, bytes_of_string(wrong[i])))
            fail_msg("%s is a range", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_both_kinds_and_writes_them_canonically),
        cmocka_unit_test(refuses_what_is_no_address),
        cmocka_unit_test(a_socket_of_either_kind_says_the_same),
        cmocka_unit_test(a_customer_is_an_ipv4_address_or_a_64),
        cmocka_unit_test(ranges_contain_what_shares_their_bits),
        cmocka_unit_test(refuses_what_is_no_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
