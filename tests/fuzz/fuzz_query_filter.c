/* Any bytes as a query and a certificate's names: a query gives a filter or a harmless reason, a
 * filter's text gives the same filter again, and on domains and parts of names it decides as a
 * naive search does. Input: fragments of a query joined by ampersands; a NUL; names joined by
 * newlines. */
#include <stdlib.h>
#include <string.h>

#include "shared/base/hex.h"
#include "shared/json/json_writer.h"
#include "streamer/filter/filter.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/filter/text_pattern.h"
#include "tests/fuzz/fuzz.h"

enum {
    LIMIT = 1 << 20,
    NAMES_MAX = 64,
};

struct names {
    struct bytes items[NAMES_MAX];
    size_t count;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* The next of the pieces that `separator` parts. */
static struct bytes take_piece(struct bytes *rest, uint8_t separator)
{
    const uint8_t *end = rest->size ? memchr(rest->data, separator, rest->size) : NULL;
    size_t size = end ? (size_t)(end - rest->data) : rest->size;
    struct bytes piece = bytes_of(rest->data, size);
    size += end != NULL;
    *rest = bytes_of(rest->data + size, rest->size - size);
    return piece;
}

/* Names as a certificate's become: whole characters, written and read again. */
static void write_domains(struct buffer *out, struct bytes text)
{
    bool first = true;
    buffer_append_byte(out, '[');
    while (text.size > 0) {
        struct bytes name = take_piece(&text, '\n');
        if (!first)
            buffer_append_byte(out, ',');
        first = false;
        buffer_append_byte(out, '"');
        json_escape(out, name);
        buffer_append_byte(out, '"');
    }
    buffer_append_byte(out, ']');
}

static void split_names(struct names *names, struct bytes domains)
{
    names->count = 0;
    while (domains.size > 0 && names->count < NAMES_MAX)
        names->items[names->count++] = take_piece(&domains, 0xff);
}

static bool ends_in(struct bytes name, struct bytes base)
{
    return name.size > base.size && name.data[name.size - base.size - 1] == '.' &&
           memcmp(name.data + name.size - base.size, base.data, base.size) == 0;
}

static bool domain_passes(struct bytes value, struct bytes name)
{
    if (value.data[0] == '*')
        return ends_in(name, bytes_of(value.data + 2, value.size - 2));
    if (value.data[0] == '.')
        return ends_in(name, bytes_of(value.data + 1, value.size - 1)) ||
               bytes_equal(name, bytes_of(value.data + 1, value.size - 1));
    return bytes_equal(name, value);
}

static bool contains(struct bytes name, struct bytes part)
{
    for (size_t at = 0; at + part.size <= name.size; at++)
        if (memcmp(name.data + at, part.data, part.size) == 0)
            return true;
    return false;
}

static size_t decode(uint8_t *out, struct bytes text)
{
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        out[size] = text.data[i];
        if (text.data[i] == '%') {
            check(hex_decode(out + size, 1, bytes_of(text.data + i + 1, 2)));
            i += 2;
        }
        size++;
    }
    return size;
}

/* What a filter of domains and parts is to answer; -1 if it is of other kinds too. */
static int decide_naively(const char *text, const struct names *names)
{
    struct bytes rest = bytes_of_string(text);
    bool has[2] = { false }, passed[2] = { false };
    while (rest.size > 0) {
        struct bytes fragment = take_piece(&rest, '&');
        uint8_t value[FILTER_VALUE_MAX];
        bool is_part = fragment.size > 6 && memcmp(fragment.data, "match=", 6) == 0;
        bool is_domain = fragment.size > 7 && memcmp(fragment.data, "domain=", 7) == 0;
        if (!is_part && !is_domain)
            return -1;
        size_t name = is_part ? 6 : 7;
        size_t size = decode(value, bytes_of(fragment.data + name, fragment.size - name));
        has[is_part] = true;
        for (size_t i = 0; i < names->count; i++)
            passed[is_part] |= is_part ? contains(names->items[i], bytes_of(value, size))
                                       : domain_passes(bytes_of(value, size), names->items[i]);
    }
    return (!has[0] || passed[0]) && (!has[1] || passed[1]);
}

static struct filter *make_filter(struct bytes text, bool decoded)
{
    static const char *const others[] = { "since", NULL };
    static struct query query;
    uint8_t plain[QUERY_TEXT_MAX];
    struct filter *filter;
    char reason[FILTER_REASON_SIZE];
    query_init(&query);
    while (text.size > 0) {
        struct bytes fragment = take_piece(&text, '&');
        if (!decoded)
            fragment = bytes_of(plain, decode(plain, fragment));
        if (!query_add(&query, fragment))
            return NULL;
    }
    if (filter_create(&filter, &query, others, reason))
        return filter;
    check(!filter && strlen(reason) < FILTER_REASON_SIZE && strlen(reason) > 0);
    for (const char *at = reason; *at; at++)
        check(*at >= 0x20 && *at < 0x7f && *at != '"' && *at != '\\');
    return NULL;
}

static void check_filter(struct filter *filter, struct filter_subject *subject)
{
    struct names names;
    struct filter *again = make_filter(bytes_of_string(filter_text(filter)), false);
    check(again && filter_equal(filter, again));
    bool passes = filter_matches(filter, subject);
    check(filter_matches(again, subject) == passes);
    split_names(&names, filter_subject_domains(subject));
    int expected = names.count < NAMES_MAX ? decide_naively(filter_text(filter), &names) : -1;
    check(expected < 0 || passes == expected);
    filter_release(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = bytes_of(data, size);
    struct bytes query = take_piece(&rest, 0);
    struct filter *filter = make_filter(query, true);
    if (!filter)
        return 0;
    struct buffer domains;
    buffer_init(&domains, LIMIT);
    write_domains(&domains, rest);
    struct filter_subject *subject = filter_subject_create(NULL);
    struct stream_entry entry = { .json = bytes_of_string("{}"),
                                  .domains = buffer_bytes(&domains),
                                  .log = bytes_of_string("0123456789abcdef0123456789abcdef"
                                                         "0123456789abcdef0123456789abcdef") };
    filter_subject_set(subject, &entry);
    check_filter(filter, subject);
    filter_subject_destroy(subject);
    filter_release(filter);
    buffer_free(&domains);
    return 0;
}
