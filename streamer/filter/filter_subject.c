#include "streamer/filter/filter_subject.h"

#include <stdlib.h>

#include "shared/base/memory.h"
#include "shared/message/message_view.h"
#include "streamer/filter/text_pattern.h"
#include "streamer/stream/recent_certificates.h"

enum {
    /* The memory of an ordinary entry is kept for the next one, that of a huge one is not. */
    KEPT_BYTES = 64 * 1024,
    KEPT_ENDINGS = 4096,
    SEPARATOR = 0xff,
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

/* The size of the string at the start of `rest`, up to its closing quote; rest.size if there is none. */
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

struct bytes filter_subject_domains(struct filter_subject *subject)
{
    if (!subject->has_domains) {
        struct bytes array = subject->entry->domains;
        uint8_t *out =
            make_room_for_name(&subject->domains, &subject->domains_capacity, array.size);
        subject->domains_size = copy_strings(out, array);
        text_pattern_lower(out, bytes_of(out, subject->domains_size));
        subject->has_domains = true;
    }
    return bytes_of(subject->domains, subject->domains_size);
}

enum {
    HASH_START = 5381,
    HASH_FACTOR = 0x01000193,
};

/* From the end to the front, so that the hashes of all endings of a name are one pass over it. */
static uint32_t hash_step(uint32_t hash, uint8_t byte)
{
    return (hash ^ byte) * (uint32_t)HASH_FACTOR;
}

uint32_t subject_hash(struct bytes text)
{
    uint32_t hash = HASH_START;
    for (size_t i = text.size; i > 0; i--)
        hash = hash_step(hash, text.data[i - 1]);
    return hash;
}

static void add_ending(struct filter_subject *subject, struct bytes text, uint32_t hash, bool whole)
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
    uint32_t hash = HASH_START;
    for (size_t i = name.size; i > 0; i--) {
        if (name.data[i - 1] == '.')
            add_ending(subject, bytes_of(name.data + i, name.size - i), hash, false);
        hash = hash_step(hash, name.data[i - 1]);
    }
    add_ending(subject, name, hash, true);
}

struct subject_endings filter_subject_endings(struct filter_subject *subject)
{
    if (!subject->has_endings) {
        struct bytes domains = filter_subject_domains(subject);
        subject->ending_count = 0;
        for (size_t at = 0; at < domains.size;) {
            const uint8_t *end = memchr(domains.data + at, SEPARATOR, domains.size - at);
            size_t size = (size_t)(end - domains.data) - at;
            add_endings(subject, bytes_of(domains.data + at, size));
            at += size + 1;
        }
        subject->has_endings = true;
    }
    return (struct subject_endings){ subject->endings, subject->ending_count };
}

/* Makes what `text` is a view of its lower-case copy behind `out`; answers the size of that. */
static size_t copy_name(uint8_t *out, struct bytes *text)
{
    if (!text->data)
        return 0;
    size_t size = message_view_unescape(out, *text);
    text_pattern_lower(out, bytes_of(out, size));
    *text = bytes_of(out, size);
    return size;
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
    struct bytes *const texts[] = { &names->log_description, &names->log_url, &names->operator_name,
                                    &names->issuer_common_name, &names->issuer_organization };
    enum {
        COUNT = 5
    };
    _Static_assert(sizeof texts == COUNT * sizeof(struct bytes *), "all of them");
    size_t room = 0;
    for (size_t i = 0; i < COUNT; i++)
        room += texts[i]->size;
    uint8_t *out = make_room_for_name(&subject->name_text, &subject->name_capacity, room + 1);
    for (size_t i = 0; i < COUNT; i++)
        out += copy_name(out, texts[i]);
    subject->has_names = true;
    return names;
}

bool filter_subject_is_repeat(struct filter_subject *subject)
{
    struct message_fingerprints fingerprints;
    return subject->window && message_view_fingerprints(subject->entry->json, &fingerprints) &&
           recent_certificates_is_repeat(subject->window, fingerprints.sha256, subject->entry->id);
}
