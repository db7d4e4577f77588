/*
 * In two steps: each value is checked and brought to the one form that stands for all that mean the same, sorted and once
 * each, so that the text of equal filters is equal; then what matching needs is made of them.
 */
#include "streamer/filter/filter.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/base64.h"
#include "shared/base/buffer.h"
#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/base/utf8.h"
#include "shared/message/message_view.h"
#include "shared/redis/contract.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/filter/linear_regex.h"
#include "streamer/filter/text_pattern.h"

enum {
    SHA256_HEX = 2 * SHA256_SIZE,
    SHA1_HEX = 2 * SHA1_SIZE,
    /* Every byte of a query, percent-encoded. */
    TEXT_MAX = 8 * QUERY_TEXT_MAX,
    PRINTED_NAME_MAX = 32,
    /* Of the table of domains; a power of two, at least twice their number. */
    DOMAIN_SLOTS_MAX = 2 * FILTER_DOMAINS_MAX,
};

/* In the order in which the canonical text has them. */
enum filter_kind {
    FILTER_DOMAIN,
    FILTER_ISSUER,
    FILTER_LOG,
    FILTER_MATCH,
    FILTER_OPERATOR,
    FILTER_REGEX,
    FILTER_TYPE,
    FILTER_UNIQUE,
    FILTER_KINDS,
};

struct value {
    uint8_t *data;
    size_t size;
};

struct values {
    struct value *items;
    size_t count;
};

struct domain_slot {
    struct bytes name; /* no data: empty */
    uint32_t hash;
    bool takes_whole; /* the name itself */
    bool takes_below; /* names that end in it */
};

/* A log, an operator or an issuer. */
struct name_pattern {
    bool is_id; /* 64 hex digits: the pattern's core */
    struct text_pattern pattern;
};

struct filter {
    size_t references;
    struct buffer text;
    struct values values[FILTER_KINDS];
    uint64_t
        domain_hashes; /* a bit for the top six of each hash: most names are told apart by it */
    size_t domain_mask;
    struct domain_slot *domains;
    struct linear_regex *regexes[FILTER_REGEXES_MAX];
    struct name_pattern *names[FILTER_KINDS]; /* of the kinds that are names */
};

/* Each checks a value and brings it to its one form, in place; NULL, or a constant that says what is wrong with it. */
typedef const char *(*normalise_value)(struct value *value);

static const char *normalise_domain(struct value *value);
static const char *normalise_issuer(struct value *value);
static const char *normalise_log(struct value *value);
static const char *normalise_text(struct value *value);
static const char *normalise_regex(struct value *value);
static const char *normalise_type(struct value *value);
static const char *normalise_unique(struct value *value);

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

static struct bytes bytes_of_value(const struct value *value)
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

static const char *normalise_text(struct value *value)
{
    if (!is_utf8(bytes_of_value(value)))
        return "is not UTF-8";
    text_pattern_lower(value->data, bytes_of_value(value));
    return NULL;
}

static bool is_domain_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '_' || byte == '.';
}

/* The part of a domain behind "*." or ".". */
static struct bytes base_of_domain(struct bytes domain, bool *takes_whole, bool *takes_below)
{
    bool starred = domain.size >= 2 && domain.data[0] == '*' && domain.data[1] == '.';
    bool dotted = !starred && domain.size >= 1 && domain.data[0] == '.';
    size_t skipped = starred ? 2 : dotted;
    *takes_whole = !starred;
    *takes_below = starred || dotted;
    return bytes_of(domain.data + skipped, domain.size - skipped);
}

static const char *normalise_domain(struct value *value)
{
    bool whole, below;
    text_pattern_lower(value->data, bytes_of_value(value));
    if (value->size > 1 && value->data[value->size - 1] == '.')
        value->size--;
    struct bytes base = base_of_domain(bytes_of_value(value), &whole, &below);
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

static const char *normalise_regex(struct value *value)
{
    const char *reason;
    struct linear_regex *regex = linear_regex_create(bytes_of_value(value), &reason);
    linear_regex_destroy(regex);
    return reason;
}

static bool is_hex(struct bytes text, size_t size)
{
    uint8_t binary[SHA256_SIZE];
    return text.size == size && hex_decode(binary, size / 2, text);
}

/* A fingerprint with colons loses them. */
static void drop_colons(struct value *value, size_t size)
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

static const char *normalise_issuer(struct value *value)
{
    drop_colons(value, SHA256_HEX);
    drop_colons(value, SHA1_HEX);
    if (is_hex(bytes_of_value(value), SHA1_HEX))
        return "is a SHA-1 fingerprint; issuers are known by their SHA-256";
    return normalise_text(value);
}

/* As long as a log id in base64, and padded as it. */
static bool looks_like_id(const struct value *value)
{
    return value->size == base64_encoded_size(SHA256_SIZE) && value->data[value->size - 1] == '=';
}

/* A log id in base64 becomes hex, which is longer. What is none must not become one by being made lower case. */
static const char *normalise_log(struct value *value)
{
    uint8_t id[SHA256_SIZE];
    char hex[SHA256_HEX + 1];
    if (!looks_like_id(value))
        return normalise_text(value);
    if (!base64_decode_exactly(id, sizeof id, bytes_of_value(value)))
        return "is no log id";
    hex_encode(hex, bytes_of(id, sizeof id));
    value->data = memory_resize(value->data, SHA256_HEX, 1);
    value->size = SHA256_HEX;
    memcpy(value->data, hex, SHA256_HEX);
    return NULL;
}

static const char *normalise_type(struct value *value)
{
    bool known = bytes_equal_string(bytes_of_value(value), "precert") ||
                 bytes_equal_string(bytes_of_value(value), "cert");
    return known ? NULL : "is precert or cert";
}

static const char *normalise_unique(struct value *value)
{
    bool known = value->size == 1 && (value->data[0] == '0' || value->data[0] == '1');
    return known ? NULL : "is 1 or 0";
}

static enum filter_kind find_kind(struct bytes name)
{
    size_t kind = 0;
    while (kind < FILTER_KINDS && !bytes_equal_string(name, kinds[kind].name))
        kind++;
    return (enum filter_kind)kind;
}

static bool is_listed(const char *const *names, struct bytes name)
{
    for (; *names; names++)
        if (bytes_equal_string(name, *names))
            return true;
    return false;
}

/* A name from outside is only repeated if it is harmless wherever it is printed. */
static bool is_printable_name(struct bytes name)
{
    for (size_t i = 0; i < name.size; i++)
        if (!isalnum(name.data[i]) && (!name.data[i] || !strchr("._-", name.data[i])))
            return false;
    return name.size > 0 && name.size <= PRINTED_NAME_MAX;
}

static void append_word(char *reason, const char *word)
{
    size_t size = strlen(reason);
    size_t added = strlen(word);
    if (size + added + 2 > FILTER_REASON_SIZE)
        return;
    reason[size] = ' ';
    memcpy(reason + size + 1, word, added + 1);
}

static void explain_unknown(char *reason, struct bytes name, const char *const *others)
{
    bool printable = is_printable_name(name);
    (void)snprintf(reason, FILTER_REASON_SIZE, "there is no parameter %.*s; there are",
                   printable ? (int)name.size : 1, printable ? (const char *)name.data : "?");
    for (size_t kind = 0; kind < FILTER_KINDS; kind++)
        append_word(reason, kinds[kind].name);
    for (; *others; others++)
        append_word(reason, *others);
}

/* Where the value belongs in the sorted list; true if it is there already. */
static bool find_place(const struct values *values, struct bytes value, size_t *place)
{
    for (*place = 0; *place < values->count; (*place)++) {
        struct bytes other = bytes_of_value(&values->items[*place]);
        size_t common = value.size < other.size ? value.size : other.size;
        int order = common ? memcmp(value.data, other.data, common) : 0;
        if (order < 0 || (order == 0 && value.size <= other.size))
            return order == 0 && value.size == other.size;
    }
    return false;
}

static void insert_value(struct values *values, size_t place, struct value value)
{
    values->items = memory_resize(values->items, values->count + 1, sizeof *values->items);
    memmove(values->items + place + 1, values->items + place,
            (values->count - place) * sizeof *values->items);
    values->items[place] = value;
    values->count++;
}

/* NULL, or what is wrong. */
static const char *add_value(struct filter *filter, enum filter_kind kind, struct bytes text)
{
    struct values *values = &filter->values[kind];
    size_t place;
    if (text.size == 0)
        return "has no value";
    if (text.size > FILTER_VALUE_MAX)
        return "is too long";
    struct value value = { memory_allocate(text.size), text.size };
    memcpy(value.data, text.data, text.size);
    const char *wrong = kinds[kind].normalise(&value);
    bool known = !wrong && find_place(values, bytes_of_value(&value), &place);
    if (!wrong && !known && values->count == kinds[kind].most)
        wrong = "is given too often";
    if (wrong || known)
        free(value.data);
    else
        insert_value(values, place, value);
    return wrong;
}

static bool add_parameters(struct filter *filter, const struct query *query,
                           const char *const *others, char *reason)
{
    for (size_t i = 0; i < query->count; i++) {
        const struct query_parameter *parameter = &query->parameters[i];
        enum filter_kind kind = find_kind(parameter->name);
        if (kind == FILTER_KINDS && is_listed(others, parameter->name))
            continue;
        if (kind == FILTER_KINDS) {
            explain_unknown(reason, parameter->name, others);
            return false;
        }
        const char *wrong = add_value(filter, kind, parameter->value);
        if (wrong) {
            (void)snprintf(reason, FILTER_REASON_SIZE, "%s %s", kinds[kind].name, wrong);
            return false;
        }
    }
    return true;
}

static void clear_values(struct values *values)
{
    for (size_t i = 0; i < values->count; i++)
        free(values->items[i].data);
    free(values->items);
    *values = (struct values){ 0 };
}

/* What asks for nothing is left out: unique=0, and both types. */
static void drop_idle(struct filter *filter)
{
    struct values *unique = &filter->values[FILTER_UNIQUE];
    if (unique->count > 0 && unique->items[0].data[0] == '0')
        clear_values(unique);
    if (filter->values[FILTER_TYPE].count == 2)
        clear_values(&filter->values[FILTER_TYPE]);
}

static bool is_empty(const struct filter *filter)
{
    for (size_t kind = 0; kind < FILTER_KINDS; kind++)
        if (filter->values[kind].count > 0)
            return false;
    return true;
}

static bool goes_together(const struct filter *filter, char *reason)
{
    bool good = filter->values[FILTER_UNIQUE].count == 0 ||
                filter->values[FILTER_LOG].count + filter->values[FILTER_OPERATOR].count == 0;
    if (!good)
        (void)snprintf(reason, FILTER_REASON_SIZE,
                       "unique goes with no log and no operator: the first copy of a certificate "
                       "may be in another log");
    return good;
}

static void append_encoded(struct buffer *out, struct bytes text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        uint8_t code[] = { '%', (uint8_t)digits[byte >> 4], (uint8_t)digits[byte & 15] };
        bool plain = is_domain_byte((uint8_t)(byte | (byte >= 'A' && byte <= 'Z' ? 0x20 : 0))) ||
                     byte == '*';
        buffer_append(out, plain ? &byte : code, plain ? 1 : sizeof code);
    }
}

static void write_text(struct filter *filter)
{
    struct buffer *out = &filter->text;
    for (size_t kind = 0; kind < FILTER_KINDS; kind++) {
        for (size_t i = 0; i < filter->values[kind].count; i++) {
            if (out->size > 0)
                buffer_append_byte(out, '&');
            buffer_append_string(out, kinds[kind].name);
            buffer_append_byte(out, '=');
            append_encoded(out, bytes_of_value(&filter->values[kind].items[i]));
        }
    }
    buffer_append_byte(out, '\0');
    assert(!out->failed);
}

static struct domain_slot *find_slot(const struct filter *filter, struct bytes name, uint32_t hash)
{
    size_t at = hash & filter->domain_mask;
    while (filter->domains[at].name.data &&
           (filter->domains[at].hash != hash || !bytes_equal(filter->domains[at].name, name)))
        at = (at + 1) & filter->domain_mask;
    return &filter->domains[at];
}

static uint64_t hash_bit(uint32_t hash)
{
    return UINT64_C(1) << (hash >> 26);
}

static void make_domains(struct filter *filter)
{
    const struct values *values = &filter->values[FILTER_DOMAIN];
    size_t slots = 2;
    while (slots < 2 * values->count)
        slots *= 2;
    assert(slots <= DOMAIN_SLOTS_MAX);
    filter->domain_mask = slots - 1;
    filter->domains = memory_allocate_zeroed(slots, sizeof *filter->domains);
    for (size_t i = 0; i < values->count; i++) {
        bool whole, below;
        struct bytes name = base_of_domain(bytes_of_value(&values->items[i]), &whole, &below);
        uint32_t hash = subject_hash(name);
        struct domain_slot *slot = find_slot(filter, name, hash);
        slot->name = name;
        slot->hash = hash;
        slot->takes_whole |= whole;
        slot->takes_below |= below;
        filter->domain_hashes |= hash_bit(hash);
    }
}

static void make_regexes(struct filter *filter)
{
    const struct values *values = &filter->values[FILTER_REGEX];
    for (size_t i = 0; i < values->count; i++) {
        const char *reason;
        filter->regexes[i] = linear_regex_create(bytes_of_value(&values->items[i]), &reason);
        assert(filter->regexes[i]);
    }
}

static void make_names(struct filter *filter, enum filter_kind kind)
{
    const struct values *values = &filter->values[kind];
    filter->names[kind] = memory_allocate_zeroed(values->count + 1, sizeof *filter->names[kind]);
    for (size_t i = 0; i < values->count; i++) {
        struct bytes text = bytes_of_value(&values->items[i]);
        filter->names[kind][i].is_id = kind != FILTER_OPERATOR && is_hex(text, SHA256_HEX);
        filter->names[kind][i].pattern = text_pattern_of(text);
    }
}

static void destroy(struct filter *filter)
{
    for (size_t kind = 0; kind < FILTER_KINDS; kind++) {
        clear_values(&filter->values[kind]);
        free(filter->names[kind]);
    }
    for (size_t i = 0; i < FILTER_REGEXES_MAX; i++)
        linear_regex_destroy(filter->regexes[i]);
    free(filter->domains);
    buffer_free(&filter->text);
    free(filter);
}

bool filter_create(struct filter **filter, const struct query *query, const char *const *others,
                   char *reason)
{
    struct filter *made = memory_allocate_zeroed(1, sizeof *made);
    made->references = 1;
    buffer_init(&made->text, TEXT_MAX);
    *filter = NULL;
    bool good = add_parameters(made, query, others, reason);
    drop_idle(made);
    good = good && goes_together(made, reason);
    if (!good || is_empty(made)) {
        destroy(made);
        return good;
    }
    write_text(made);
    make_domains(made);
    make_regexes(made);
    make_names(made, FILTER_LOG);
    make_names(made, FILTER_OPERATOR);
    make_names(made, FILTER_ISSUER);
    *filter = made;
    return true;
}

struct filter *filter_acquire(struct filter *filter)
{
    if (filter)
        filter->references++;
    return filter;
}

void filter_release(struct filter *filter)
{
    assert(!filter || filter->references > 0);
    if (filter && --filter->references == 0)
        destroy(filter);
}

const char *filter_text(const struct filter *filter)
{
    return filter ? (const char *)filter->text.data : "";
}

bool filter_equal(const struct filter *a, const struct filter *b)
{
    return a == b || strcmp(filter_text(a), filter_text(b)) == 0;
}

static bool type_matches(const struct filter *filter, struct filter_subject *subject)
{
    const struct value *type = &filter->values[FILTER_TYPE].items[0];
    bool wants_precertificate = bytes_equal_string(bytes_of_value(type), "precert");
    return message_view_is_precertificate(filter_subject_entry(subject)->json) ==
           wants_precertificate;
}

static bool domain_matches(const struct filter *filter, struct filter_subject *subject)
{
    struct subject_endings endings = filter_subject_endings(subject);
    for (size_t i = 0; i < endings.count; i++) {
        const struct subject_ending *ending = &endings.items[i];
        if (!(filter->domain_hashes & hash_bit(ending->hash)))
            continue;
        const struct domain_slot *slot = find_slot(filter, ending->text, ending->hash);
        if (slot->name.data && (ending->is_whole ? slot->takes_whole : slot->takes_below))
            return true;
    }
    return false;
}

static bool part_matches(const struct filter *filter, struct filter_subject *subject)
{
    const struct values *values = &filter->values[FILTER_MATCH];
    struct bytes domains = filter_subject_domains(subject);
    for (size_t i = 0; i < values->count; i++)
        if (text_pattern_find(domains, bytes_of_value(&values->items[i])))
            return true;
    return false;
}

static bool regex_matches(const struct filter *filter, struct filter_subject *subject)
{
    struct subject_endings endings = filter_subject_endings(subject);
    for (size_t i = 0; i < endings.count; i++)
        for (size_t j = 0; endings.items[i].is_whole && j < FILTER_REGEXES_MAX; j++)
            if (filter->regexes[j] &&
                linear_regex_matches(filter->regexes[j], endings.items[i].text))
                return true;
    return false;
}

static bool name_matches(const struct name_pattern *name, struct bytes text)
{
    return text.data && !name->is_id && text_pattern_matches(&name->pattern, text);
}

static bool log_matches(const struct filter *filter, struct filter_subject *subject)
{
    const struct subject_names *names = filter_subject_names(subject);
    for (size_t i = 0; i < filter->values[FILTER_LOG].count; i++) {
        const struct name_pattern *name = &filter->names[FILTER_LOG][i];
        if (name->is_id && bytes_equal(name->pattern.core, filter_subject_entry(subject)->log))
            return true;
        if (name_matches(name, names->log_description) || name_matches(name, names->log_url))
            return true;
    }
    return false;
}

static bool operator_matches(const struct filter *filter, struct filter_subject *subject)
{
    const struct subject_names *names = filter_subject_names(subject);
    for (size_t i = 0; i < filter->values[FILTER_OPERATOR].count; i++)
        if (name_matches(&filter->names[FILTER_OPERATOR][i], names->operator_name))
            return true;
    return false;
}

/* The chain is fingerprints in hex, joined by single spaces. */
static bool chain_has(struct bytes chain, struct bytes fingerprint)
{
    for (size_t at = 0; chain.size - at >= SHA256_HEX; at += SHA256_HEX + 1) {
        if (memcmp(chain.data + at, fingerprint.data, SHA256_HEX) == 0)
            return true;
        if (chain.size - at == SHA256_HEX)
            break;
    }
    return false;
}

static bool issuer_matches(const struct filter *filter, struct filter_subject *subject)
{
    const struct subject_names *names = filter_subject_names(subject);
    for (size_t i = 0; i < filter->values[FILTER_ISSUER].count; i++) {
        const struct name_pattern *name = &filter->names[FILTER_ISSUER][i];
        if (name->is_id && chain_has(filter_subject_entry(subject)->chain, name->pattern.core))
            return true;
        if (name_matches(name, names->issuer_common_name) ||
            name_matches(name, names->issuer_organization))
            return true;
    }
    return false;
}

static bool unique_matches(const struct filter *filter, struct filter_subject *subject)
{
    (void)filter;
    return !filter_subject_is_repeat(subject);
}

bool filter_matches(const struct filter *filter, struct filter_subject *subject)
{
    /* The cheap ones first. */
    static const struct {
        enum filter_kind kind;
        bool (*matches)(const struct filter *filter, struct filter_subject *subject);
    } order[] = {
        { FILTER_TYPE, type_matches },         { FILTER_DOMAIN, domain_matches },
        { FILTER_MATCH, part_matches },        { FILTER_LOG, log_matches },
        { FILTER_OPERATOR, operator_matches }, { FILTER_ISSUER, issuer_matches },
        { FILTER_REGEX, regex_matches },       { FILTER_UNIQUE, unique_matches },
    };
    if (!filter)
        return true;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (filter->values[order[i].kind].count > 0 && !order[i].matches(filter, subject))
            return false;
    return true;
}
