#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "streamer/tail/certificate_text.h"
#include "streamer/tail/message_row.h"

#define CERTIFICATE                                                               \
    "{\"message_type\":\"certificate_update\",\"id\":\"5-0\",\"data\":{"          \
    "\"update_type\":\"PrecertLogEntry\",\"cert_index\":7,\"seen\":1700000000.5," \
    "\"source\":{\"name\":\"A "                                                   \
    "log\"},\"leaf_cert\":{\"all_domains\":[\"a.example\",\"b.example\"],"        \
    "\"sha256\":\"AB:CD\",\"not_before\":1700000000,\"not_after\":1700086400,"    \
    "\"issuer\":{\"CN\":\"R11\",\"O\":\"Let's Encrypt\"}}}}"
/* A title, a colour, C1, DEL, a turned direction, ends of lines, in each place that is printed. */
#define HOSTILE                                                                                    \
    "{\"message_type\":\"certificate_update\",\"data\":{"                                          \
    "\"source\":{\"name\":\"\\u001b[2J\"},\"leaf_cert\":{"                                         \
    "\"all_domains\":[\"\\u001b]0;x\\u0007\",\"\\u202egpj\",\"a\\r\\n\\tb\",\"\xc2\x9b\\u007f\"]," \
    "\"sha256\":\"\\n\",\"issuer\":{\"O\":\"\\u2028\\\",=1\"}}}}"
#define HOSTILE_NAMES "\\u001b]0;x\\u0007 \\u202egpj a\\u000d\\u000a\\u0009b \\u009b\\u007f"

static const struct row_style tabbed = { .format = ROW_LINE, .terminal = { .width = 80 } };
static const struct row_style csv = { .format = ROW_CSV };

static void assert_written(struct buffer *out, const char *wanted)
{
    buffer_append_byte(out, '\0');
    assert_string_equal((const char *)out->data, wanted);
    buffer_free(out);
}

static void assert_row(const struct row_style *style, const char *text, const char *wanted)
{
    struct server_message message;
    struct buffer out;
    buffer_init(&out, SIZE_MAX);
    server_message_read(&message, bytes_of_string(text));
    message_row_write(&out, style, &message, bytes_of_string(text));
    server_message_clear(&message);
    assert_written(&out, wanted);
}

static void each_format_has_its_row(void **state)
{
    (void)state;
    const struct row_style json = { .format = ROW_JSON };
    assert_row(&tabbed, CERTIFICATE,
               "2023-11-14T22:13:20Z\tprecert\ta.example b.example\tLet's Encrypt R11\tA log\n");
    assert_row(&csv, CERTIFICATE,
               "2023-11-14T22:13:20Z,precert,\"A log\",7,\"AB:CD\",\"Let's Encrypt R11\","
               "2023-11-14T22:13:20Z,2023-11-15T22:13:20Z,\"a.example b.example\"\n");
    assert_row(&json, CERTIFICATE, CERTIFICATE "\n");
    assert_row(&tabbed, "{\"message_type\":\"dns_entries\",\"data\":[\"a\",\"b\"]}", "a b\n");
}

static void names_have_a_row_each(void **state)
{
    (void)state;
    const struct row_style line = { .format = ROW_LINE, .is_per_name = true };
    const struct row_style quoted = { .format = ROW_CSV, .is_per_name = true };
    const struct row_style json = { .format = ROW_JSON, .is_per_name = true };
    assert_row(&line, CERTIFICATE, "a.example\nb.example\n");
    assert_row(&quoted, CERTIFICATE, "\"a.example\"\n\"b.example\"\n");
    assert_row(&json, CERTIFICATE, "\"a.example\"\n\"b.example\"\n");
}

static void a_terminal_gets_what_fits(void **state)
{
    (void)state;
    struct row_style style = { .format = ROW_LINE, .terminal = { .is_one = true, .width = 76 } };
    /* Without a time, as that would be the local one. */
    assert_row(&style,
               "{\"message_type\":\"certificate_update\",\"data\":{\"leaf_cert\":{"
               "\"all_domains\":[\"a-name-of-more-than-the-28-characters.example\"]}}}",
               "         cert    a-name-of-more-than-the-28-…                              \n");
    style.terminal.width = 20;
    assert_row(&style, "{\"message_type\":\"dns_entries\",\"data\":[\"0123456789012345678901\"]}",
               "012345678901234567…\n");
}

static void what_moves_a_terminal_is_escaped(void **state)
{
    (void)state;
    const struct row_style json = { .format = ROW_JSON };
    assert_row(&tabbed, HOSTILE, "-\tcert\t" HOSTILE_NAMES "\t\\u2028\",=1\t\\u001b[2J\n");
    assert_row(&csv, HOSTILE,
               ",cert,\"\\u001b[2J\",,\"\\u000a\",\"\\u2028\"\",=1\",,,\"" HOSTILE_NAMES "\"\n");
    assert_row(&json, "{\"message_type\":\"dns_entries\",\r\n\"data\":[\"\xc2\x9b\x7f\xff\"]}",
               "{\"message_type\":\"dns_entries\",  \"data\":[\"\\u009b\\u007f\xef\xbf\xbd\"]}\n");
}

static void what_is_missing_leaves_a_field_empty(void **state)
{
    (void)state;
    static const char odd[] =
        "{\"message_type\":\"certificate_update\",\"data\":{\"seen\":1e300,\"cert_index\":\"7\","
        "\"leaf_cert\":{\"all_domains\":[1,null,\"a\"],\"issuer\":\"none\"}}}";
    assert_row(&tabbed, "{\"message_type\":\"certificate_update\"}", "-\tcert\t-\t-\t-\n");
    assert_row(&tabbed, odd, "-\tcert\t  a\t-\t-\n");
    assert_row(&csv, odd, ",cert,\"\",,\"\",\"\",,,\"  a\"\n");
}

static void servers_before_ours_have_the_issuer_in_the_chain(void **state)
{
    (void)state;
    assert_row(&tabbed,
               "{\"message_type\":\"certificate_update\",\"data\":{\"leaf_cert\":{},\"chain\":"
               "[{\"subject\":{\"CN\":\"DigiCert Global G3\",\"O\":\"DigiCert Inc\"}}]}}",
               "-\tcert\t-\tDigiCert Global G3\t-\n");
}

static void a_certificate_as_text_is_escaped_too(void **state)
{
    (void)state;
    const struct terminal terminal = { .width = 80 };
    struct buffer out;
    buffer_init(&out, SIZE_MAX);
    static const char text[] =
        "{\"message_type\":\"certificate_update\",\"data\":{\"leaf_cert\":{\"all_domains\":"
        "[\"\\u001b[31m\",\"b\"],\"as_der\":\"MIIB\\n-----\"},\"parse_error\":\"\\u0007\"}}";
    assert_true(certificate_text_write(&out, &terminal, bytes_of_string(text)));
    assert_written(&out, "names       \\u001b[31m\n            b\ntype        certificate\n"
                         "unreadable  \\u0007\n");
    assert_false(certificate_text_write(&out, &terminal, bytes_of_string("[1]")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_format_has_its_row),
        cmocka_unit_test(names_have_a_row_each),
        cmocka_unit_test(a_terminal_gets_what_fits),
        cmocka_unit_test(what_moves_a_terminal_is_escaped),
        cmocka_unit_test(what_is_missing_leaves_a_field_empty),
        cmocka_unit_test(servers_before_ours_have_the_issuer_in_the_chain),
        cmocka_unit_test(a_certificate_as_text_is_escaped_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
