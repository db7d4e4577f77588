#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/message/message_view.h"
#include "streamer/filter/filter.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/stream/recent_certificates.h"
#include "tests/unit/entry_builder.h"

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define COLON_B                                                                                  \
    "BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:" \
    "BB:BB"

static const char *const others[] = { "dialect", "since", NULL };

/* Parameters of a query, decoded, joined by ampersands. */
static void make_query(struct query *query, const char *text)
{
    query_init(query);
    while (*text) {
        size_t size = strcspn(text, "&");
        assert_true(query_add(query, bytes_of(text, size)));
        text += size + (text[size] == '&');
    }
}

static struct filter *make_filter(const char *text)
{
    static struct query query;
    struct filter *filter;
    char reason[FILTER_REASON_SIZE];
    make_query(&query, text);
    if (!filter_create(&filter, &query, others, reason))
        fail_msg("%s: %s", text, reason);
    return filter;
}

static bool passes(const char *query, const struct entry_parts *parts)
{
    struct built_entry built;
    struct filter_subject *subject = filter_subject_create(NULL);
    struct filter *filter = make_filter(query);
    build_entry(&built, parts);
    filter_subject_set(subject, &built.entry);
    bool answer = filter_matches(filter, subject);
    filter_release(filter);
    filter_subject_destroy(subject);
    built_entry_free(&built);
    return answer;
}

struct expectation {
    const char *query;
    bool passes;
};

static void expect_all(const struct entry_parts *parts, const struct expectation *cases,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (passes(cases[i].query, parts) != cases[i].passes)
            fail_msg("%s: %d expected", cases[i].query, cases[i].passes);
}

#define NAME(text)                                \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

static void domains_are_names_or_what_ends_in_them(void **state)
{
    (void)state;
    const struct entry_parts parts = { .names = { NAME("a.b.Example.com"), NAME("other.org"),
                                                  NAME("*.wild.net") } };
    static const struct expectation cases[] = {
        { "domain=a.b.example.com", true },
        { "domain=A.B.EXAMPLE.COM", true },
        { "domain=a.b.example.com.", true },
        { "domain=b.example.com", false },
        { "domain=*.b.example.com", true },
        { "domain=*.example.com", true },
        { "domain=*.com", true },
        { "domain=*.a.b.example.com", false },
        { "domain=*.xample.com", false },
        { "domain=other.org", true },
        { "domain=*.other.org", false },
        { "domain=.other.org", true },
        { "domain=.example.com", true },
        { "domain=*.wild.net", true },
        { "domain=wild.net", false },
        { "domain=www.wild.net", false },
        { "domain=nothing.here&domain=other.org", true },
        { "domain=nothing.here&domain=nor.here", false },
        { "domain=.org&domain=other.org", true },
        { "domain=org&domain=*.org", true },
        { "domain=org", false },
    };
    expect_all(&parts, cases, sizeof cases / sizeof *cases);
}

static void parts_of_names_match_without_case(void **state)
{
    (void)state;
    const struct entry_parts parts = { .names = { NAME("www.PayPal-login.example"),
                                                  NAME("b\xc3\xbc"
                                                       "cher.example"),
                                                  NAME("qu\"ote\\.example"), NAME("new\nline"),
                                                  NAME("ctl\x01name") } };
    static const struct expectation cases[] = {
        { "match=paypal", true },
        { "match=PAYPAL-LOGIN", true },
        { "match=paypal&match=nothing", true },
        { "match=nothing", false },
        { "match=b\xc3\xbc"
          "cher",
          true },
        { "match=qu\"ote\\.", true },
        { "match=new\nline", true },
        { "match=newnline", false },
        { "match=nline", false },
        { "match=u0001", false },
        { "match=ctl\x01name", true },
        /* A match does not reach over the border of two names. */
        { "match=exampleb", false },
        { "match=examplequ", false },
        { "regex=^www\\.pay", true },
        { "regex=^b.+cher\\.example$", true },
        { "regex=example.*example", false },
        { "regex=^\\S+\"ote", true },
        { "regex=^nothing$&regex=^new.line$", true },
    };
    expect_all(&parts, cases, sizeof cases / sizeof *cases);
}

/* Beside the name as it stands in the certificate. */
static void names_are_found_by_what_they_mean(void **state)
{
    (void)state;
    const struct entry_parts parts = { .names = { NAME("vm1.lab.Example.net."),
                                                  NAME("www.bank.example\0.evil.example"),
                                                  NAME(" https://shop.example:8443/cart ") } };
    static const struct expectation cases[] = {
        { "domain=vm1.lab.example.net", true },
        { "domain=vm1.lab.example.net.", true },
        { "domain=.lab.example.net", true },
        { "domain=*.lab.example.net", true },
        { "domain=lab.example.net", false },
        { "regex=net$", true },
        { "regex=net\\.$", true },
        { "match=.net.", true },
        { "domain=www.bank.example", true },
        { "domain=*.evil.example", true },
        { "domain=*.bank.example", true },
        { "regex=^www\\.bank\\.example$", true },
        { "domain=shop.example", true },
        { "domain=*.example", true },
        { "regex=^shop", true },
        { "match=8443/cart", true },
    };
    expect_all(&parts, cases, sizeof cases / sizeof *cases);
}

static void expect_matched(const char *query, const struct entry_parts *parts, const char *expected)
{
    struct built_entry built;
    struct buffer out;
    struct filter_subject *subject = filter_subject_create(NULL);
    struct filter *filter = make_filter(query);
    buffer_init(&out, FILTER_MATCHED_MAX);
    build_entry(&built, parts);
    filter_subject_set(subject, &built.entry);
    assert_true(filter_matches(filter, subject));
    filter_write_matched(filter, subject, &out);
    buffer_append_byte(&out, '\0');
    assert_false(out.failed);
    assert_string_equal((const char *)out.data, expected);
    buffer_free(&out);
    filter_release(filter);
    filter_subject_destroy(subject);
    built_entry_free(&built);
}

static void what_let_an_entry_through_is_told(void **state)
{
    (void)state;
    const struct entry_parts parts = { .names = { NAME("a.b.example"), NAME("other.org") },
                                       .issuer_common_name = "R11" };
    static const struct {
        const char *query, *matched;
    } cases[] = {
        { "domain=*.Example", "[\"domain=*.example\"]" },
        { "domain=*.example&domain=other.org&domain=no.org",
          "[\"domain=*.example\",\"domain=other.org\"]" },
        { "match=B&match=c", "[\"match=b\"]" },
        { "match=\"&match=o", "[\"match=o\"]" },
        { "regex=^a&regex=^b&regex=\\.org$", "[\"regex=\\\\.org$\",\"regex=^a\"]" },
        { "type=cert&issuer=r*&issuer=x&unique=1", "[\"issuer=r*\",\"type=cert\",\"unique=1\"]" },
        { "log=*oak*&operator=*o*", "[\"log=*oak*\",\"operator=*o*\"]" },
        { "", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_matched(cases[i].query, &parts, cases[i].matched);
}

static void cost_is_what_a_filter_takes(void **state)
{
    (void)state;
    static const char *const ascending[] = {
        "domain=*.example.com",    "regex=^shop",
        "match=a&match=b&match=c", "regex=(login|secure|account)-?(update|verify)",
        "regex=.{0,60}!",          "regex=.{0,60}!&regex=.{0,61}!",
        "regex=.{0,248}!",
    };
    uint64_t before = 0;
    for (size_t i = 0; i < sizeof ascending / sizeof *ascending; i++) {
        struct filter *filter = make_filter(ascending[i]);
        if (filter_cost(filter) <= before)
            fail_msg("%s costs %u", ascending[i], (unsigned)filter_cost(filter));
        before = filter_cost(filter);
        filter_release(filter);
    }
    assert_int_equal(filter_cost(NULL), 0);
}

static void logs_go_by_id_description_or_address(void **state)
{
    (void)state;
    const struct entry_parts parts = { .log = 0xaa,
                                       .log_description = "Let's \"Encrypt\" 'Oak2026h2' log",
                                       .log_url = "https://oak.ct.example/2026h2/",
                                       .operator_name = "Let's Encrypt",
                                       .names = { NAME("a.example") } };
    static const struct expectation cases[] = {
        { "log=" HEX_A, true },
        { "log=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", true },
        { "log=" HEX_B, false },
        { "log=qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=", true },
        { "log=u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s=", false },
        { "log=let's \"encrypt\" 'oak2026h2' log", true },
        { "log=*oak2026h2*", true },
        { "log=*oak2027*", false },
        { "log=let's*", true },
        { "log=*log", true },
        { "log=oak", false },
        { "log=https://oak.ct.example/2026h2/", true },
        { "log=https://oak.ct.example/*", true },
        { "log=*", true },
        { "operator=let's encrypt", true },
        { "operator=LET*", true },
        { "operator=google", false },
        { "operator=google&operator=let's encrypt", true },
    };
    expect_all(&parts, cases, sizeof cases / sizeof *cases);
}

static void issuers_go_by_name_or_fingerprint(void **state)
{
    (void)state;
    const struct entry_parts parts = { .issuer_common_name = "R11",
                                       .issuer_organization = "Let's \"Encrypt\"",
                                       .chain = HEX_A " " HEX_B,
                                       .names = { NAME("a.example") } };
    static const struct expectation cases[] = {
        { "issuer=r11", true },
        { "issuer=R1", false },
        { "issuer=R1*", true },
        { "issuer=let's \"encrypt\"", true },
        { "issuer=Let's*", true },
        { "issuer=DigiCert*", false },
        { "issuer=" HEX_A, true },
        { "issuer=" HEX_B, true },
        { "issuer=" COLON_B, true },
        { "issuer=XX", false },
        { "issuer=other&issuer=" HEX_A, true },
        { "issuer=cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc", false },
    };
    expect_all(&parts, cases, sizeof cases / sizeof *cases);
    const struct entry_parts without_chain = { .names = { NAME("a.example") } };
    assert_false(passes("issuer=" HEX_A, &without_chain));
}

static void kinds_are_all_to_match(void **state)
{
    (void)state;
    const struct entry_parts parts = { .is_precertificate = true, .names = { NAME("a.example") } };
    static const struct expectation cases[] = {
        { "type=precert", true },
        { "type=cert", false },
        { "type=cert&type=precert", true },
        { "type=precert&domain=a.example", true },
        { "type=cert&domain=a.example", false },
        { "type=precert&domain=b.example", false },
        { "domain=*.example&match=a.ex&regex=^a&issuer=Example*&operator=*operator&log=*oak*",
          true },
        { "domain=*.example&match=a.ex&regex=^b&issuer=Example*&operator=*operator&log=*oak*",
          false },
        { "", true },
        { "unique=1", true },
        { "dialect=go&since=0", true },
    };
    expect_all(&parts, cases, sizeof cases / sizeof *cases);
    const struct entry_parts final = { .names = { NAME("a.example") } };
    assert_true(passes("type=cert", &final));
    assert_false(passes("type=precert", &final));
}

static void a_certificate_without_names_has_none(void **state)
{
    (void)state;
    const struct entry_parts parts = { 0 };
    assert_false(passes("match=a", &parts));
    assert_false(passes("domain=.example", &parts));
    assert_false(passes("regex=.*", &parts));
    assert_true(passes("issuer=Example*", &parts));
}

static void a_repeat_passes_only_where_it_may(void **state)
{
    (void)state;
    struct recent_certificates *window = recent_certificates_create(10, 7);
    struct filter_subject *subject = filter_subject_create(window);
    struct filter *unique = make_filter("unique=1&type=cert");
    struct filter *all = make_filter("type=cert");
    static const struct {
        const char *id;
        uint8_t number;
        bool is_unique;
    } entries[] = {
        { "5-0", 1, true }, { "5-1", 2, true }, { "6-0", 1, false }, { "7-0", 1, false }
    };
    for (size_t turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
            struct built_entry built;
            struct message_fingerprints fingerprints;
            const struct entry_parts parts = { .id = entries[i].id, .number = entries[i].number };
            build_entry(&built, &parts);
            assert_true(message_view_fingerprints(built.entry.json, &fingerprints));
            /* As it comes, and again in a replay. */
            if (turn == 0)
                recent_certificates_add(window, &fingerprints, built.entry.id);
            filter_subject_set(subject, &built.entry);
            assert_int_equal(filter_matches(unique, subject), entries[i].is_unique);
            assert_true(filter_matches(all, subject));
            built_entry_free(&built);
        }
    filter_release(unique);
    filter_release(all);
    filter_subject_destroy(subject);
    recent_certificates_destroy(window);
}

static void equal_filters_have_equal_texts(void **state)
{
    (void)state;
    static const struct {
        const char *query, *text;
    } cases[] = {
        { "domain=B.example&domain=a.example", "domain=a.example&domain=b.example" },
        { "domain=a.example&domain=A.example.", "domain=a.example" },
        { "type=precert&match=X", "match=x&type=precert" },
        { "match=x&dialect=go&type=precert", "match=x&type=precert" },
        { "type=precert&type=cert&match=x", "match=x" },
        { "unique=0&match=x", "match=x" },
        { "match=a&match=ab&match=a b", "match=a&match=a%20b&match=ab" },
        { "log=qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=", "log=" HEX_A },
        { "issuer=" COLON_B, "issuer=" HEX_B },
        { "regex=\\D", "regex=%5CD" },
        { "unique=0", "" },
        { "type=precert&type=cert", "" },
        { "", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct filter *filter = make_filter(cases[i].query);
        assert_string_equal(filter_text(filter), cases[i].text);
        assert_int_equal(filter != NULL, *cases[i].text != 0);
        filter_release(filter);
    }
    struct filter *a = make_filter("match=x&type=cert");
    struct filter *b = make_filter("type=cert&match=X");
    struct filter *c = make_filter("match=y");
    assert_true(filter_equal(a, b) && filter_equal(NULL, NULL));
    assert_false(filter_equal(a, c) || filter_equal(a, NULL));
    filter_release(a);
    filter_release(b);
    filter_release(c);
}

static void a_filter_lives_until_its_last_reference(void **state)
{
    (void)state;
    struct filter *filter = make_filter("match=x");
    assert_ptr_equal(filter_acquire(filter), filter);
    filter_release(filter);
    assert_string_equal(filter_text(filter), "match=x");
    filter_release(filter);
    assert_null(filter_acquire(NULL));
    filter_release(NULL);
}

static void a_wrong_parameter_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *query, *reason;
    } cases[] = {
        { "domain=", "domain has no value" },
        { "domain", "domain has no value" },
        { "domain=*", "domain has an asterisk elsewhere than in *. at its start" },
        { "domain=a.*.example", "domain has an asterisk elsewhere than in *. at its start" },
        { "domain=*.", "domain has an asterisk elsewhere than in *. at its start" },
        { "domain=.", "domain is no name" },
        { "domain=..example", "domain is no name" },
        { "domain=b\xc3\xbc"
          "cher.example",
          "domain is not ASCII; certificates have internationalized names as xn--" },
        { "domain=https://a.example/", "domain has a character that no name has" },
        { "match=\xff", "match is not UTF-8" },
        { "log=qqqqqqqyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqO=", "log is no log id" },
        { "regex=(a", "regex has a ( without its )" },
        { "regex=^[a-z] x", "regex has a blank, which is what a + becomes in a query: write %2B" },
        { "regex=(a)\\1", "regex has a back reference, which cannot be matched in linear time" },
        { "type=final", "type is precert or cert" },
        { "type=Cert", "type is precert or cert" },
        { "unique=yes", "unique is 1, pair or 0" },
        { "unique=1&unique=0", "unique is given too often" },
        { "regex=a&regex=b&regex=c&regex=d&regex=e", "regex is given too often" },
        { "regex=.{0,248}!&regex=.{0,247}!",
          "regex costs too much: it may be at too many places of a pattern at once" },
        { "issuer=0123456789012345678901234567890123456789",
          "issuer is a SHA-1 fingerprint; issuers are known by their SHA-256" },
        { "unique=1&log=*x*", "unique goes with no log and no operator: the first copy of a "
                              "certificate may be in another log" },
        { "domian=a.example", "there is no parameter domian; there are domain issuer log match "
                              "operator regex type unique dialect since" },
        { "log_id=x", "there is no parameter log_id; there are domain issuer log match operator "
                      "regex type unique dialect since" },
        { "a\"b=x", "there is no parameter ?; there are domain issuer log match operator regex "
                    "type unique dialect since" },
        { "=x", "there is no parameter ?; there are domain issuer log match operator regex type "
                "unique dialect since" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static struct query query;
        struct filter *filter;
        char reason[FILTER_REASON_SIZE];
        make_query(&query, cases[i].query);
        assert_false(filter_create(&filter, &query, others, reason));
        assert_null(filter);
        assert_string_equal(reason, cases[i].reason);
    }
}

static void a_value_has_a_limit(void **state)
{
    (void)state;
    static struct query query;
    struct filter *filter;
    char reason[FILTER_REASON_SIZE];
    char text[FILTER_VALUE_MAX + 16] = "match=";
    memset(text + 6, 'a', FILTER_VALUE_MAX + 1);
    query_init(&query);
    assert_true(query_add(&query, bytes_of(text, FILTER_VALUE_MAX + 7)));
    assert_false(filter_create(&filter, &query, others, reason));
    assert_string_equal(reason, "match is too long");
    query_init(&query);
    assert_true(query_add(&query, bytes_of(text, FILTER_VALUE_MAX + 6)));
    assert_true(filter_create(&filter, &query, others, reason));
    filter_release(filter);
}

/* As long a watch list as a query can have. */
static void a_watch_list_may_be_long(void **state)
{
    (void)state;
    static struct query query;
    struct filter *filter;
    char reason[FILTER_REASON_SIZE];
    query_init(&query);
    for (unsigned i = 0; i < QUERY_PARAMETERS_MAX; i++) {
        char text[64];
        int size = snprintf(text, sizeof text, "domain=*.customer-%u.example", i);
        assert_true(query_add(&query, bytes_of(text, (size_t)size)));
    }
    assert_true(filter_create(&filter, &query, others, reason));
    struct filter_subject *subject = filter_subject_create(NULL);
    for (unsigned i = 0; i < 2 * QUERY_PARAMETERS_MAX; i++) {
        struct built_entry built;
        char name[64];
        int size = snprintf(name, sizeof name, "www.customer-%u.example", i);
        const struct entry_parts parts = { .names = { bytes_of(name, (size_t)size) } };
        build_entry(&built, &parts);
        filter_subject_set(subject, &built.entry);
        assert_int_equal(filter_matches(filter, subject), i < QUERY_PARAMETERS_MAX);
        built_entry_free(&built);
    }
    filter_subject_destroy(subject);
    filter_release(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains_are_names_or_what_ends_in_them),
        cmocka_unit_test(parts_of_names_match_without_case),
        cmocka_unit_test(names_are_found_by_what_they_mean),
        cmocka_unit_test(what_let_an_entry_through_is_told),
        cmocka_unit_test(cost_is_what_a_filter_takes),
        cmocka_unit_test(logs_go_by_id_description_or_address),
        cmocka_unit_test(issuers_go_by_name_or_fingerprint),
        cmocka_unit_test(kinds_are_all_to_match),
        cmocka_unit_test(a_certificate_without_names_has_none),
        cmocka_unit_test(a_repeat_passes_only_where_it_may),
        cmocka_unit_test(equal_filters_have_equal_texts),
        cmocka_unit_test(a_filter_lives_until_its_last_reference),
        cmocka_unit_test(a_wrong_parameter_is_named),
        cmocka_unit_test(a_value_has_a_limit),
        cmocka_unit_test(a_watch_list_may_be_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
