/*
 * In two steps: the values are checked and brought to one form (filter_value.h), so that the text
 * of equal filters is equal; then what matching needs is made of them.
 */
#include "streamer/filter/filter.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/buffer.h"
#include "shared/base/memory.h"
#include "shared/json/json_writer.h"
#include "shared/message/message_view.h"
#include "streamer/filter/domain_table.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/filter/filter_value.h"
#include "streamer/filter/linear_regex.h"
#include "streamer/filter/text_pattern.h"

enum {
    /* Every byte of a query, percent-encoded. */
    TEXT_MAX = 8 * QUERY_TEXT_MAX,
    PRINTED_NAME_MAX = 32,
    ID_SIZE = 64, /* of a log or a certificate, in hex */
    /* Steps per name, as measured beside those of a regex (bench_filter). */
    COST_OF_FILTER = 4,
    COST_OF_MATCH = 8,
    COST_OF_NAME = 2,
};

/* A log, an operator or an issuer. */
struct name_pattern {
    bool is_id; /* 64 hex digits: the pattern's core */
    struct text_pattern pattern;
};

struct filter {
    size_t references;
    struct buffer text;
    struct filter_values values[FILTER_KINDS];
    uint64_t cost;
    bool has_alternatives;            /* of a kind, so that not all that is asked for need hold */
    struct domain_entry *domains;     /* one per value */
    struct domain_table domain_table; /* of them */
    struct name_pattern *names[FILTER_KINDS]; /* of the kinds that are names */
};

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
    for (unsigned kind = 0; kind < FILTER_KINDS; kind++)
        append_word(reason, filter_kind_name(kind));
    for (; *others; others++)
        append_word(reason, *others);
}

static bool add_parameters(struct filter *filter, const struct query *query,
                           const char *const *others, char *reason)
{
    for (size_t i = 0; i < query->count; i++) {
        const struct query_parameter *parameter = &query->parameters[i];
        enum filter_kind kind = filter_kind_find(parameter->name);
        if (kind == FILTER_KINDS && is_listed(others, parameter->name))
            continue;
        if (kind == FILTER_KINDS) {
            explain_unknown(reason, parameter->name, others);
            return false;
        }
        const char *wrong = filter_values_add(&filter->values[kind], kind, parameter->value);
        if (wrong) {
            (void)snprintf(reason, FILTER_REASON_SIZE, "%s %s", filter_kind_name(kind), wrong);
            return false;
        }
    }
    return true;
}

/* What asks for nothing is left out: unique=0, and both types. */
static void drop_idle(struct filter *filter)
{
    struct filter_values *unique = &filter->values[FILTER_UNIQUE];
    if (unique->count > 0 && unique->items[0].data[0] == '0')
        filter_values_clear(unique);
    if (filter->values[FILTER_TYPE].count == 2)
        filter_values_clear(&filter->values[FILTER_TYPE]);
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
        bool plain = isalnum(byte) || (byte && strchr("-_.*", byte));
        buffer_append(out, plain ? &byte : code, plain ? 1 : sizeof code);
    }
}

static void write_text(struct filter *filter)
{
    struct buffer *out = &filter->text;
    for (unsigned kind = 0; kind < FILTER_KINDS; kind++) {
        for (size_t i = 0; i < filter->values[kind].count; i++) {
            if (out->size > 0)
                buffer_append_byte(out, '&');
            buffer_append_string(out, filter_kind_name(kind));
            buffer_append_byte(out, '=');
            append_encoded(out, filter_value_text(&filter->values[kind].items[i]));
        }
    }
    buffer_append_byte(out, '\0');
    assert(!out->failed);
}

static struct bytes text_of(const struct filter *filter, enum filter_kind kind, size_t i)
{
    return filter_value_text(&filter->values[kind].items[i]);
}

static void make_domains(struct filter *filter)
{
    size_t count = filter->values[FILTER_DOMAIN].count;
    filter->domains = memory_allocate_zeroed(count + 1, sizeof *filter->domains);
    for (size_t i = 0; i < count; i++) {
        struct domain_entry *entry = &filter->domains[i];
        entry->name = filter_value_domain(text_of(filter, FILTER_DOMAIN, i), &entry->takes_whole,
                                          &entry->takes_below);
        entry->hash = subject_hash(entry->name);
        domain_table_add(&filter->domain_table, entry);
    }
}

static void make_names(struct filter *filter, enum filter_kind kind)
{
    size_t count = filter->values[kind].count;
    filter->names[kind] = memory_allocate_zeroed(count + 1, sizeof *filter->names[kind]);
    for (size_t i = 0; i < count; i++) {
        struct bytes text = text_of(filter, kind, i);
        filter->names[kind][i].is_id = kind != FILTER_OPERATOR && filter_value_is_id(text);
        filter->names[kind][i].pattern = text_pattern_of(text);
    }
}

static uint64_t find_cost(const struct filter *filter)
{
    uint64_t cost = COST_OF_FILTER + COST_OF_MATCH * filter->values[FILTER_MATCH].count;
    for (unsigned kind = 0; kind < FILTER_KINDS; kind++)
        if (filter->names[kind])
            cost += COST_OF_NAME * filter->values[kind].count;
    for (size_t i = 0; i < filter->values[FILTER_REGEX].count; i++)
        cost += linear_regex_steps(filter->values[FILTER_REGEX].items[i].regex);
    return cost;
}

static void make_matching(struct filter *filter)
{
    make_domains(filter);
    make_names(filter, FILTER_LOG);
    make_names(filter, FILTER_OPERATOR);
    make_names(filter, FILTER_ISSUER);
    for (unsigned kind = 0; kind < FILTER_KINDS; kind++)
        filter->has_alternatives |= filter->values[kind].count > 1;
    filter->cost = find_cost(filter);
}

static void destroy_filter(struct filter *filter)
{
    for (size_t kind = 0; kind < FILTER_KINDS; kind++) {
        filter_values_clear(&filter->values[kind]);
        free(filter->names[kind]);
    }
    domain_table_free(&filter->domain_table);
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
        destroy_filter(made);
        return good;
    }
    write_text(made);
    make_matching(made);
    if (made->cost > FILTER_COST_MAX) {
        (void)snprintf(reason, FILTER_REASON_SIZE,
                       "regex costs too much: it may be at too many places of a pattern at once");
        destroy_filter(made);
        return false;
    }
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
        destroy_filter(filter);
}

const char *filter_text(const struct filter *filter)
{
    return filter ? (const char *)filter->text.data : "";
}

bool filter_equal(const struct filter *a, const struct filter *b)
{
    return a == b || strcmp(filter_text(a), filter_text(b)) == 0;
}

unsigned filter_name_kinds(const struct filter *filter)
{
    return (filter->values[FILTER_DOMAIN].count ? FILTER_LOOKS_FOR_DOMAIN : 0U) |
           (filter->values[FILTER_MATCH].count ? FILTER_LOOKS_FOR_MATCH : 0U) |
           (filter->values[FILTER_REGEX].count ? FILTER_LOOKS_FOR_REGEX : 0U);
}

const struct domain_entry *filter_domains(const struct filter *filter, size_t *count)
{
    *count = filter->values[FILTER_DOMAIN].count;
    return filter->domains;
}

size_t filter_pattern_count(const struct filter *filter)
{
    return filter->values[FILTER_MATCH].count + filter->values[FILTER_REGEX].count;
}

/* Every byte by its number. */
static char *spell_text(struct bytes text)
{
    enum {
        CODE_SIZE = 4
    };
    size_t room = CODE_SIZE * text.size + 1;
    char *out = memory_allocate(room);
    for (size_t i = 0; i < text.size; i++)
        (void)snprintf(out + CODE_SIZE * i, CODE_SIZE + 1, "\\x%02x", text.data[i]);
    return out;
}

enum filter_name_kind filter_pattern_kind(const struct filter *filter, size_t number)
{
    return number < filter->values[FILTER_MATCH].count ? FILTER_LOOKS_FOR_MATCH
                                                       : FILTER_LOOKS_FOR_REGEX;
}

char *filter_pattern(const struct filter *filter, size_t number)
{
    size_t matches = filter->values[FILTER_MATCH].count;
    if (number < matches)
        return spell_text(text_of(filter, FILTER_MATCH, number));
    const char *plain =
        linear_regex_plain(filter->values[FILTER_REGEX].items[number - matches].regex);
    return plain ? memory_copy_string(plain) : NULL;
}

uint64_t filter_cost(const struct filter *filter)
{
    return filter ? filter->cost : 0;
}

/* Whether the one value `i` of each kind holds. */

static bool domain_holds(const struct filter *filter, size_t i, struct filter_subject *subject)
{
    struct subject_endings endings = filter_subject_endings(subject);
    for (size_t j = 0; j < endings.count; j++)
        if (domain_entry_takes(&filter->domains[i], &endings.items[j]))
            return true;
    return false;
}

static bool match_holds(const struct filter *filter, size_t i, struct filter_subject *subject)
{
    return text_pattern_find(filter_subject_domains(subject), text_of(filter, FILTER_MATCH, i));
}

static bool regex_holds(const struct filter *filter, size_t i, struct filter_subject *subject)
{
    const struct linear_regex *regex = filter->values[FILTER_REGEX].items[i].regex;
    struct bytes rest = filter_subject_domains(subject);
    struct bytes name;
    while (filter_subject_take_name(&rest, &name))
        if (linear_regex_matches(regex, name))
            return true;
    return false;
}

static bool name_matches(const struct name_pattern *name, struct bytes text)
{
    return text.data && !name->is_id && text_pattern_matches(&name->pattern, text);
}

static bool log_holds(const struct filter *filter, size_t i, struct filter_subject *subject)
{
    const struct name_pattern *name = &filter->names[FILTER_LOG][i];
    if (name->is_id && bytes_equal(name->pattern.core, filter_subject_entry(subject)->log))
        return true;
    const struct subject_names *names = filter_subject_names(subject);
    return name_matches(name, names->log_description) || name_matches(name, names->log_url);
}

static bool operator_holds(const struct filter *filter, size_t i, struct filter_subject *subject)
{
    return name_matches(&filter->names[FILTER_OPERATOR][i],
                        filter_subject_names(subject)->operator_name);
}

/* The chain is fingerprints in hex, joined by single spaces. */
static bool chain_has(struct bytes chain, struct bytes fingerprint)
{
    for (size_t at = 0; chain.size - at >= ID_SIZE; at += ID_SIZE + 1) {
        if (memcmp(chain.data + at, fingerprint.data, ID_SIZE) == 0)
            return true;
        if (chain.size - at == ID_SIZE)
            break;
    }
    return false;
}

static bool issuer_holds(const struct filter *filter, size_t i, struct filter_subject *subject)
{
    const struct name_pattern *name = &filter->names[FILTER_ISSUER][i];
    if (name->is_id && chain_has(filter_subject_entry(subject)->chain, name->pattern.core))
        return true;
    const struct subject_names *names = filter_subject_names(subject);
    return name_matches(name, names->issuer_common_name) ||
           name_matches(name, names->issuer_organization);
}

static bool type_holds(const struct filter *filter, size_t i, struct filter_subject *subject)
{
    bool wants_precertificate = bytes_equal_string(text_of(filter, FILTER_TYPE, i), "precert");
    return message_view_is_precertificate(filter_subject_entry(subject)->json) ==
           wants_precertificate;
}

static bool unique_holds(const struct filter *filter, size_t i, struct filter_subject *subject)
{
    bool is_pair = bytes_equal_string(text_of(filter, FILTER_UNIQUE, i), "pair");
    return !(is_pair ? filter_subject_is_pair_repeat(subject) : filter_subject_is_repeat(subject));
}

typedef bool (*value_holds)(const struct filter *filter, size_t i, struct filter_subject *subject);

static const value_holds holds[FILTER_KINDS] = {
    [FILTER_DOMAIN] = domain_holds,     [FILTER_ISSUER] = issuer_holds,
    [FILTER_LOG] = log_holds,           [FILTER_MATCH] = match_holds,
    [FILTER_OPERATOR] = operator_holds, [FILTER_REGEX] = regex_holds,
    [FILTER_TYPE] = type_holds,         [FILTER_UNIQUE] = unique_holds,
};

static bool kind_matches(const struct filter *filter, enum filter_kind kind,
                         struct filter_subject *subject)
{
    size_t count = filter->values[kind].count;
    for (size_t i = 0; i < count; i++)
        if (holds[kind](filter, i, subject))
            return true;
    return count == 0;
}

static bool domain_matches(const struct filter *filter, struct filter_subject *subject)
{
    if (filter->domain_table.count == 0)
        return true;
    struct subject_endings endings = filter_subject_endings(subject);
    for (size_t i = 0; i < endings.count; i++)
        if (domain_table_find(&filter->domain_table, &endings.items[i]))
            return true;
    return false;
}

bool filter_matches_log(const struct filter *filter, struct filter_subject *subject)
{
    return kind_matches(filter, FILTER_LOG, subject) &&
           kind_matches(filter, FILTER_OPERATOR, subject);
}

bool filter_matches_issuer(const struct filter *filter, struct filter_subject *subject)
{
    return kind_matches(filter, FILTER_ISSUER, subject);
}

bool filter_matches_entry(const struct filter *filter, struct filter_subject *subject)
{
    return kind_matches(filter, FILTER_TYPE, subject) &&
           kind_matches(filter, FILTER_UNIQUE, subject);
}

bool filter_asks_log(const struct filter *filter)
{
    return filter->values[FILTER_LOG].count > 0 || filter->values[FILTER_OPERATOR].count > 0;
}

bool filter_asks_issuer(const struct filter *filter)
{
    return filter->values[FILTER_ISSUER].count > 0;
}

bool filter_asks_names_only(const struct filter *filter)
{
    for (size_t kind = 0; kind < FILTER_KINDS; kind++)
        if (filter->values[kind].count > 0 && kind != FILTER_DOMAIN && kind != FILTER_MATCH &&
            kind != FILTER_REGEX)
            return false;
    return true;
}

/* The cheap ones first. */
bool filter_matches(const struct filter *filter, struct filter_subject *subject)
{
    return !filter ||
           (kind_matches(filter, FILTER_TYPE, subject) && domain_matches(filter, subject) &&
            kind_matches(filter, FILTER_MATCH, subject) &&
            kind_matches(filter, FILTER_REGEX, subject) && filter_matches_log(filter, subject) &&
            filter_matches_issuer(filter, subject) && kind_matches(filter, FILTER_UNIQUE, subject));
}

void filter_write_matched(const struct filter *filter, struct filter_subject *subject,
                          struct buffer *out)
{
    if (!filter)
        return;
    char before = '[';
    for (unsigned kind = 0; kind < FILTER_KINDS; kind++)
        for (size_t i = 0; i < filter->values[kind].count; i++) {
            if (filter->has_alternatives && !holds[kind](filter, i, subject))
                continue;
            buffer_append_byte(out, (uint8_t)before);
            buffer_append_byte(out, '"');
            buffer_append_string(out, filter_kind_name(kind));
            buffer_append_byte(out, '=');
            json_escape(out, text_of(filter, kind, i));
            buffer_append_byte(out, '"');
            before = ',';
        }
    buffer_append_byte(out, ']');
}
