#include "streamer/filter/filter_subject.h"

#include <stdlib.h>
#include <sys/random.h>

#include "shared/base/memory.h"
#include "shared/message/message_view.h"
#include "streamer/filter/plain_name.h"
#include "streamer/filter/text_pattern.h"
#include "streamer/stream/recent_certificates.h"

enum {
    /* The memory of an ordinary entry is kept for the next one, that of a huge one is not. */
    KEPT_BYTES = 64 * 1024,
    KEPT_ENDINGS = 4096,
    /* Neither is in any text. */
    SEPARATOR = 0xff,
    MISSING = 0xfe,
    /* Of five names: a separator each, and what stands for a missing one. */
    NAMES_OVERHEAD = 10,
};

struct filter_subject {
    const struct recent_certificates *window;
    const struct stream_entry *entry;
    bool has_domains, has_endings, has_names;
    uint8_t *domains; /* each followed by a separator */
    size_t domains_size, domains_capacity;
    struct subject_ending *endings;
    size_t ending_count, ending_capacity;
    struct subject_names names;
    uint8_t *name_text; /* what the names are views of */
    size_t name_capacity;
};

struct filter_subject *filter_subject_create(const struct recent_certificates *window)
{
    struct filter_subject *subject = memory_allocate_zeroed(1, sizeof *subject);
    subject->window = window;
    return subject;
}

void filter_subject_destroy(struct filter_subject *subject)
{
    if (!subject)
        return;
    free(subject->domains);
    free(subject->endings);
    free(subject->name_text);
    free(subject);
}

static void forget_huge(struct filter_subject *subject)
{
    if (subject->domains_capacity > KEPT_BYTES) {
        free(subject->domains);
        subject->domains = NULL;
        subject->domains_capacity = 0;
    }
    if (subject->ending_capacity > KEPT_ENDINGS) {
        free(subject->endings);
        subject->endings = NULL;
        subject->ending_capacity = 0;
    }
    if (subject->name_capacity > KEPT_BYTES) {
        free(subject->name_text);
        subject->name_text = NULL;
        subject->name_capacity = 0;
    }
}

void filter_subject_set(struct filter_subject *subject, const struct stream_entry *entry)
{
    forget_huge(subject);
    subject->entry = entry;
    subject->has_domains = subject->has_endings = subject->has_names = false;
}

const struct stream_entry *filter_subject_entry(const struct filter_subject *subject)
{
    return subject->entry;
}

/* Room for at least `size` bytes; what was there is not kept. */
static uint8_t *make_room_for_name(uint8_t **block, size_t *capacity, size_t size)
{
    if (*capacity < size) {
        free(*block);
        *block = memory_allocate(size);
        *capacity = size;
    }
    return *block;
}

/* The size of the string at the start of `rest`, up to its closing quote; rest.size if there is
 * none. */
static size_t string_size(struct bytes rest)
{
    size_t at = 0;
    while (at < rest.size && rest.data[at] != '"')
        at += rest.data[at] == '\\' ? 2 : 1;
    return at < rest.size ? at : rest.size;
}

/* The array's strings, without their quotes, each with a separator behind it. */
static size_t copy_strings(uint8_t *out, struct bytes array)
{
    bool escaped = memchr(array.data, '\\', array.size) != NULL;
    size_t written = 0;
    size_t at = 1; /* behind the bracket, then behind each comma */
    while (at < array.size && array.data[at] == '"') {
        struct bytes string = bytes_of(array.data + at + 1, array.size - at - 1);
        size_t size = string_size(string);
        if (size == string.size)
            break;
        string.size = size;
        if (escaped)
            size = message_view_unescape(out + written, string);
        else
            memcpy(out + written, string.data, size);
        written += size;
        out[written++] = SEPARATOR;
        at += string.size + 3;
    }
    return written;
}

/* Whether one of the names may have another plain form. */
static bool may_be_odd(struct bytes names)
{
    bool odd = false;
    uint8_t before = 0;
    for (size_t i = 0; i < names.size; i++) {
        uint8_t byte = names.data[i];
        odd |= byte < '*' || byte == '/' || byte == ':' || byte == '?' ||
               (byte == SEPARATOR && before == '.');
        before = byte;
    }
    return odd;
}

/* Adds the plain forms that differ behind the names. */
static void add_plain_names(struct filter_subject *subject)
{
    struct bytes rest = bytes_of(subject->domains, subject->domains_size);
    struct bytes name;
    while (filter_subject_take_name(&rest, &name)) {
        struct bytes plain = plain_name_of(name);
        if (plain.size == 0 || plain.size == name.size)
            continue;
        memcpy(subject->domains + subject->domains_size, plain.data, plain.size);
        subject->domains_size += plain.size;
        subject->domains[subject->domains_size++] = SEPARATOR;
    }
}

struct bytes filter_subject_domains(struct filter_subject *subject)
{
    if (!subject->has_domains) {
        struct bytes array = subject->entry->domains;
        /* A plain name is shorter than its name, at least by one. */
        uint8_t *out =
            make_room_for_name(&subject->domains, &subject->domains_capacity, 2 * array.size);
        subject->domains_size = copy_strings(out, array);
        struct bytes names = bytes_of(out, subject->domains_size);
        text_pattern_lower(out, names);
        if (may_be_odd(names))
            add_plain_names(subject);
        subject->has_domains = true;
    }
    return bytes_of(subject->domains, subject->domains_size);
}

bool filter_subject_take_name(struct bytes *rest, struct bytes *name)
{
    if (rest->size == 0)
        return false;
    const uint8_t *end = memchr(rest->data, SEPARATOR, rest->size);
    size_t size = (size_t)(end - rest->data);
    *name = bytes_of(rest->data, size);
    *rest = bytes_of(end + 1, rest->size - size - 1);
    return true;
}

/* Who chooses names and filters must not be able to choose hashes, or long chains could be made of
 * them: start and factor are the process's own. */
struct hash_key {
    uint64_t start, factor;
};

static struct hash_key find_hash_key(void)
{
    static struct hash_key key;
    if (!key.factor) {
        key = (struct hash_key){ 0x9e3779b97f4a7c15, 0xff51afd7ed558ccd };
        (void)!getrandom(&key, sizeof key, 0);
        key.factor |= 1;
    }
    return key;
}

/* The name is read from its end to its front, so that the hashes of all endings of a name are one
 * pass over it. */
static uint64_t hash_step(uint64_t hash, uint8_t byte, uint64_t factor)
{
    return (hash ^ byte) * factor;
}

uint64_t subject_hash(struct bytes text)
{
    struct hash_key key = find_hash_key();
    uint64_t hash = key.start;
    for (size_t i = text.size; i > 0; i--)
        hash = hash_step(hash, text.data[i - 1], key.factor);
    return hash;
}

static void add_ending(struct filter_subject *subject, struct bytes text, uint64_t hash, bool whole)
{
    if (subject->ending_count == subject->ending_capacity) {
        subject->ending_capacity = subject->ending_capacity ? 2 * subject->ending_capacity : 64;
        subject->endings =
            memory_resize(subject->endings, subject->ending_capacity, sizeof *subject->endings);
    }
    subject->endings[subject->ending_count++] = (struct subject_ending){ text, hash, whole };
}

static void add_endings(struct filter_subject *subject, struct bytes name)
{
    struct hash_key key = find_hash_key();
    uint64_t hash = key.start;
    for (size_t i = name.size; i > 0; i--) {
        if (name.data[i - 1] == '.')
            add_ending(subject, bytes_of(name.data + i, name.size - i), hash, false);
        hash = hash_step(hash, name.data[i - 1], key.factor);
    }
    add_ending(subject, name, hash, true);
}

struct subject_endings filter_subject_endings(struct filter_subject *subject)
{
    if (!subject->has_endings) {
        struct bytes domains = filter_subject_domains(subject);
        subject->ending_count = 0;
        struct bytes name;
        while (filter_subject_take_name(&domains, &name))
            add_endings(subject, name);
        subject->has_endings = true;
    }
    return (struct subject_endings){ subject->endings, subject->ending_count };
}

/* Makes what `text` is a view of its lower-case copy behind `out`; answers the size of that, with
 * the separator behind it. What is missing is another text than what is empty. */
static size_t copy_name(uint8_t *out, struct bytes *text)
{
    size_t size = 1;
    out[0] = MISSING;
    if (text->data) {
        size = message_view_unescape(out, *text);
        text_pattern_lower(out, bytes_of(out, size));
        *text = bytes_of(out, size);
    }
    out[size] = SEPARATOR;
    return size + 1;
}

static size_t copy_text(uint8_t *out, struct bytes text)
{
    if (text.size > 0)
        memcpy(out, text.data, text.size);
    return text.size;
}

static struct subject_names find_names(struct bytes json)
{
    struct message_source_view source = { 0 };
    struct message_issuer_view issuer = { 0 };
    struct subject_names names = { 0 };
    if (message_view_source(json, &source)) {
        names.log_description = source.name;
        names.log_url = source.url;
        names.operator_name = source.operator_name;
    }
    if (message_view_issuer(json, &issuer)) {
        names.issuer_common_name = issuer.common_name;
        names.issuer_organization = issuer.organization;
    }
    return names;
}

const struct subject_names *filter_subject_names(struct filter_subject *subject)
{
    struct subject_names *names = &subject->names;
    if (subject->has_names)
        return names;
    *names = find_names(subject->entry->json);
    struct bytes log = subject->entry->log, chain = subject->entry->chain;
    size_t room = log.size + chain.size + names->log_description.size + names->log_url.size +
                  names->operator_name.size + names->issuer_common_name.size +
                  names->issuer_organization.size + NAMES_OVERHEAD;
    uint8_t *start = make_room_for_name(&subject->name_text, &subject->name_capacity, room);
    uint8_t *out = start + copy_text(start, log);
    out += copy_name(out, &names->log_description);
    out += copy_name(out, &names->log_url);
    out += copy_name(out, &names->operator_name);
    names->log_key = bytes_of(start, (size_t)(out - start));
    start = out;
    out += copy_name(out, &names->issuer_common_name);
    out += copy_name(out, &names->issuer_organization);
    out += copy_text(out, chain);
    names->issuer_key = bytes_of(start, (size_t)(out - start));
    subject->has_names = true;
    return names;
}

bool filter_subject_is_repeat(struct filter_subject *subject)
{
    struct message_fingerprints fingerprints;
    return subject->window && message_view_fingerprints(subject->entry->json, &fingerprints) &&
           recent_certificates_is_repeat(subject->window, fingerprints.sha256, subject->entry->id);
}

bool filter_subject_is_pair_repeat(struct filter_subject *subject)
{
    struct message_fingerprints fingerprints;
    return subject->window && stream_entry_fingerprints(subject->entry, &fingerprints) &&
           recent_certificates_is_pair_repeat(subject->window, &fingerprints, subject->entry->id);
}
