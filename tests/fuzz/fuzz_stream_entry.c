/* Any bytes as what Redis sends: an entry that is taken has the contract's fields, and all that is
 * done with entries stays within them. */
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "shared/message/message.h"
#include "shared/message/message_view.h"
#include "streamer/filter/filter.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/stream/recent_certificates.h"
#include "streamer/stream/stream_entry.h"
#include "tests/fuzz/fuzz.h"

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

enum {
    LIMIT = 16 << 20,
    /* An array of more elements than there are bytes is an allocation of hiredis, not a finding. */
    COUNT_DIGITS = 4,
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static bool lies_in(struct bytes part, struct bytes whole)
{
    return !part.data ||
           (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static void check_views(struct bytes json)
{
    struct message_source_view source;
    struct message_issuer_view issuer;
    struct message_fingerprints fingerprints;
    (void)message_view_is_precertificate(json);
    if (message_view_source(json, &source))
        check(lies_in(source.name, json) && lies_in(source.url, json) &&
              lies_in(source.operator_name, json));
    if (message_view_issuer(json, &issuer))
        check(lies_in(issuer.common_name, json) && lies_in(issuer.organization, json));
    (void)message_view_fingerprints(json, &fingerprints);
}

/* One of each kind, so that everything a filter looks at is looked at. */
static struct filter *make_filter(const char *fragment)
{
    static struct query query;
    static const char *const others[] = { NULL };
    struct filter *filter;
    char reason[FILTER_REASON_SIZE];
    query_init(&query);
    check(query_add(&query, bytes_of_string(fragment)));
    check(filter_create(&filter, &query, others, reason) && filter);
    return filter;
}

static void check_filters(const struct stream_entry *entry)
{
    static const char *const fragments[] = {
        "domain=.example", "match=a",   "regex=^a.*[0-9]$", "log=*a*",         "type=cert",
        "operator=a*",     "issuer=*a", "unique=1",         ("issuer=" HEX_A),
    };
    enum {
        COUNT = sizeof fragments / sizeof *fragments
    };
    static struct filter *filters[COUNT];
    static struct recent_certificates *window;
    static struct filter_subject *subject;
    if (!subject) {
        window = recent_certificates_create(4, 1);
        subject = filter_subject_create(window);
        for (size_t i = 0; i < COUNT; i++)
            filters[i] = make_filter(fragments[i]);
    }
    filter_subject_set(subject, entry);
    for (size_t i = 0; i < COUNT; i++) {
        bool passes = filter_matches(filters[i], subject);
        check(filter_matches(filters[i], subject) == passes);
    }
}

static void check_messages(const struct stream_entry *entry)
{
    struct buffer out;
    buffer_init(&out, LIMIT);
    struct message_envelope envelope = { .id = entry->id_text };
    (void)message_splice_lite(&out, entry->json, &envelope);
    (void)message_splice_full(&out, entry->json, &envelope, entry->der, NULL, 0);
    message_splice_domains(&out, entry->domains, entry->id_text);
    buffer_free(&out);
}

static void check_entry(const redisReply *reply)
{
    struct stream_entry entry;
    if (!stream_entry_read(&entry, reply))
        return;
    check(entry.json.size && entry.domains.size && entry.der.size && entry.log.size == 64);
    struct bytes chain = entry.chain;
    uint8_t sha256[SHA256_SIZE];
    while (stream_entry_take_issuer(&chain, sha256))
        continue;
    check(chain.size == 0);
    check_views(entry.json);
    check_filters(&entry);
    check_messages(&entry);
}

static void check_reply(const redisReply *reply)
{
    const struct redisReply *entries = stream_entries_of_read(reply);
    for (size_t i = 0; entries && i < entries->elements; i++)
        check_entry(entries->element[i]);
    check_entry(reply);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        check_entry(reply->element[i]);
}

static bool has_huge_array(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        size_t digits = 0;
        while (text.data[i] == '*' && i + 1 + digits < text.size &&
               text.data[i + 1 + digits] >= '0' && text.data[i + 1 + digits] <= '9')
            digits++;
        if (digits > COUNT_DIGITS)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (has_huge_array(bytes_of(data, size)))
        return 0;
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    if (redisReaderFeed(reader, (const char *)data, size) == REDIS_OK &&
        redisReaderGetReply(reader, &reply) == REDIS_OK && reply)
        check_reply(reply);
    if (reply)
        freeReplyObject(reply);
    redisReaderFree(reader);
    return 0;
}
