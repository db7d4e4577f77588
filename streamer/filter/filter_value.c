#include "streamer/filter/filter_value.h"

#include <stdlib.h>

#include "shared/base/base64.h"
#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/base/utf8.h"
#include "streamer/filter/filter.h"
#include "streamer/filter/linear_regex.h"
#include "streamer/filter/text_pattern.h"

enum {
    SHA256_HEX = 2 * SHA256_SIZE,
    SHA1_HEX = 2 * SHA1_SIZE,
};

/* Each checks a value and brings it to its one form, in place; NULL, or a constant that says what
 * is wrong with it. */
typedef const char *(*normalise_value)(struct filter_value *value);

static const char *normalise_domain(struct filter_value *value);
static const char *normalise_issuer(struct filter_value *value);
static const char *normalise_log(struct filter_value *value);
static const char *normalise_text(struct filter_value *value);
static const char *normalise_regex(struct filter_value *value);
static const char *normalise_type(struct filter_value *value);
static const char *normalise_unique(struct filter_value *value);

static const struct {
    const char *name;
    normalise_value normalise;
    size_t most;
} kinds[FILTER_KINDS] = {
    [FILTER_DOMAIN] = { "domain", normalise_domain, FILTER_DOMAINS_MAX },
    [FILTER_ISSUER] = { "issuer", normalise_issuer, FILTER_NAMES_MAX },
    [FILTER_LOG] = { "log", normalise_log, FILTER_NAMES_MAX },
    [FILTER_MATCH] = { "match", normalise_text, FILTER_MATCHES_MAX },
    [FILTER_OPERATOR] = { "operator", normalise_text, FILTER_NAMES_MAX },
    [FILTER_REGEX] = { "regex", normalise_regex, FILTER_REGEXES_MAX },
    [FILTER_TYPE] = { "type", normalise_type, 2 },
    [FILTER_UNIQUE] = { "unique", normalise_unique, 1 },
};

struct bytes filter_value_text(const struct filter_value *value)
{
    return bytes_of(value->data, value->size);
}

static bool is_utf8(struct bytes text)
{
    for (size_t at = 0; at < text.size;) {
        size_t size = utf8_sequence_size(bytes_of(text.data + at, text.size - at));
        if (!size)
            return false;
        at += size;
    }
    return true;
}

static const char *normalise_text(struct filter_value *value)
{
    if (!is_utf8(filter_value_text(value)))
        return "is not UTF-8";
    text_pattern_lower(value->data, filter_value_text(value));
    return NULL;
}

static bool is_domain_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '_' || byte == '.';
}

struct bytes filter_value_domain(struct bytes domain, bool *takes_whole, bool *takes_below)
{
    bool starred = domain.size >= 2 && domain.data[0] == '*' && domain.data[1] == '.';
    bool dotted = !starred && domain.size >= 1 && domain.data[0] == '.';
    size_t skipped = starred ? 2 : dotted;
    *takes_whole = !starred;
    *takes_below = starred || dotted;
    return bytes_of(domain.data + skipped, domain.size - skipped);
}

static const char *normalise_domain(struct filter_value *value)
{
    bool whole, below;
    text_pattern_lower(value->data, filter_value_text(value));
    if (value->size > 1 && value->data[value->size - 1] == '.')
        value->size--;
    struct bytes base = filter_value_domain(filter_value_text(value), &whole, &below);
    if (base.size == 0 || base.data[0] == '.' || base.data[base.size - 1] == '.')
        return "is no name";
    for (size_t i = 0; i < base.size; i++) {
        if (base.data[i] == '*')
            return "has an asterisk elsewhere than in *. at its start";
        if (base.data[i] >= 0x80)
            return "is not ASCII; certificates have internationalized names as xn--";
        if (!is_domain_byte(base.data[i]))
            return "has a character that no name has";
    }
    return NULL;
}

static const char *normalise_regex(struct filter_value *value)
{
    /* What a proxy or a form made of a plus sign would match nothing, without a word. */
    if (memchr(value->data, ' ', value->size))
        return "has a blank, which is what a + becomes in a query: write %2B";
    const char *reason;
    value->regex = linear_regex_create(filter_value_text(value), &reason);
    return reason;
}

static bool is_hex(struct bytes text, size_t size)
{
    uint8_t binary[SHA256_SIZE];
    return text.size == size && hex_decode(binary, size / 2, text);
}

bool filter_value_is_id(struct bytes text)
{
    return is_hex(text, SHA256_HEX);
}

/* A fingerprint with colons loses them. */
static void drop_colons(struct filter_value *value, size_t size)
{
    if (value->size != size / 2 * 3 - 1)
        return;
    uint8_t plain[SHA256_HEX];
    for (size_t i = 0; i < size / 2; i++) {
        if (i && value->data[3 * i - 1] != ':')
            return;
        memcpy(plain + 2 * i, value->data + 3 * i, 2);
    }
    if (!is_hex(bytes_of(plain, size), size))
        return;
    memcpy(value->data, plain, size);
    value->size = size;
}

static const char *normalise_issuer(struct filter_value *value)
{
    drop_colons(value, SHA256_HEX);
    drop_colons(value, SHA1_HEX);
    if (is_hex(filter_value_text(value), SHA1_HEX))
        return "is a SHA-1 fingerprint; issuers are known by their SHA-256";
    return normalise_text(value);
}

/* Whether it is as long as a log id in base64, and padded as one. */
static bool looks_like_id(const struct filter_value *value)
{
    return value->size == base64_encoded_size(SHA256_SIZE) && value->data[value->size - 1] == '=';
}

/* A log id in base64 becomes hex, which is longer. What is none must not become one by being made
 * lower case. */
static const char *normalise_log(struct filter_value *value)
{
    uint8_t id[SHA256_SIZE];
    char hex[SHA256_HEX + 1];
    if (!looks_like_id(value))
        return normalise_text(value);
    if (!base64_decode_exactly(id, sizeof id, filter_value_text(value)))
        return "is no log id";
    hex_encode(hex, bytes_of(id, sizeof id));
    value->data = memory_resize(value->data, SHA256_HEX, 1);
    value->size = SHA256_HEX;
    memcpy(value->data, hex, SHA256_HEX);
    return NULL;
}

static const char *normalise_type(struct filter_value *value)
{
    bool known = bytes_equal_string(filter_value_text(value), "precert") ||
                 bytes_equal_string(filter_value_text(value), "cert");
    return known ? NULL : "is precert or cert";
}

static const char *normalise_unique(struct filter_value *value)
{
    struct bytes text = filter_value_text(value);
    bool known = bytes_equal_string(text, "0") || bytes_equal_string(text, "1") ||
                 bytes_equal_string(text, "pair");
    return known ? NULL : "is 1, pair or 0";
}

/* Where the value belongs in the sorted list; true if it is there already. */
static bool find_place(const struct filter_values *values, struct bytes value, size_t *place)
{
    for (*place = 0; *place < values->count; (*place)++) {
        struct bytes other = filter_value_text(&values->items[*place]);
        size_t common = value.size < other.size ? value.size : other.size;
        int order = common ? memcmp(value.data, other.data, common) : 0;
        if (order < 0 || (order == 0 && value.size <= other.size))
            return order == 0 && value.size == other.size;
    }
    return false;
}

static void insert_value(struct filter_values *values, size_t place, struct filter_value value)
{
    values->items = memory_resize(values->items, values->count + 1, sizeof *values->items);
    memmove(values->items + place + 1, values->items + place,
            (values->count - place) * sizeof *values->items);
    values->items[place] = value;
    values->count++;
}

static void free_value(struct filter_value *value)
{
    linear_regex_destroy(value->regex);
    free(value->data);
}

const char *filter_values_add(struct filter_values *values, enum filter_kind kind,
                              struct bytes text)
{
    size_t place;
    if (text.size == 0)
        return "has no value";
    if (text.size > FILTER_VALUE_MAX)
        return "is too long";
    struct filter_value value = { memory_allocate(text.size), text.size, NULL };
    memcpy(value.data, text.data, text.size);
    const char *wrong = kinds[kind].normalise(&value);
    bool known = !wrong && find_place(values, filter_value_text(&value), &place);
    if (!wrong && !known && values->count == kinds[kind].most)
        wrong = "is given too often";
    if (wrong || known)
        free_value(&value);
    else
        insert_value(values, place, value);
    return wrong;
}

void filter_values_clear(struct filter_values *values)
{
    for (size_t i = 0; i < values->count; i++)
        free_value(&values->items[i]);
    free(values->items);
    *values = (struct filter_values){ 0 };
}

const char *filter_kind_name(enum filter_kind kind)
{
    return kinds[kind].name;
}

enum filter_kind filter_kind_find(struct bytes name)
{
    size_t kind = 0;
    while (kind < FILTER_KINDS && !bytes_equal_string(name, kinds[kind].name))
        kind++;
    return (enum filter_kind)kind;
}
