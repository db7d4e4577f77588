/*
 * What filters and shares cost, in nanoseconds of this thread: what is worked out once per entry,
 * each kind of filter on it, and an entry with a thousand filters, new and compiled; over entries
 * of generated
 * certificates of two names, as most are, and of the real ones of the corpus where it is at hand,
 * which have many.
 * --smoke runs for a moment.
 */
#include <dirent.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "shared/base/memory.h"
#include "shared/message/certificate_json.h"
#include "shared/message/message.h"
#include "shared/message/message_view.h"
#include "shared/x509/certificate.h"
#include "streamer/filter/filter.h"
#include "streamer/filter/filter_index.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/http/shares.h"
#include "streamer/stream/recent_certificates.h"
#include "tests/unit/certificate_builder.h"

enum {
    ENTRIES = 800,
    DER_MAX = 1 << 20,
    SAMPLE_LIMIT = 256 << 20,
    FIGURE_MS = 300,
    SMOKE_MS = 10,
    COMPILE_MS = 60000,
    WINDOW = 100000,
    PATH_SIZE = 1024,
};

struct sample {
    struct stream_entry entries[ENTRIES];
    size_t count;
    struct buffer bytes; /* reserved once: entries are views of it */
};

static unsigned figure_ms = FIGURE_MS;

static uint64_t now_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static struct bytes taken_since(const struct buffer *buffer, size_t start)
{
    return bytes_of(buffer->data + start, buffer->size - start);
}

static void add_entry(struct sample *sample, struct certificate *certificate, struct bytes der)
{
    static const struct message_source source = { "Some Operator's 'Oak2026h2' log",
                                                  "https://oak.ct.example.org/2026h2/",
                                                  "Some Operator", "b2Fr", false };
    struct message_entry entry = { .source = &source, .index = 123456789 };
    struct buffer *out = &sample->bytes;
    if (!certificate_parse(certificate, der) || sample->count == ENTRIES)
        return;
    size_t json = out->size;
    message_write(out, &entry, certificate);
    struct bytes json_bytes = taken_since(out, json);
    size_t domains = out->size;
    certificate_json_write_domains(out, certificate, CERTIFICATE_DIALECT_CERTSTREAM);
    sample->entries[sample->count] = (struct stream_entry){
        .id = { sample->count + 1, 0 },
        .json = json_bytes,
        .domains = taken_since(out, domains),
        .der = bytes_of_string("DER"),
        .chain =
            bytes_of_string("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        .log = bytes_of_string("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
    };
    sample->count++;
}

static void add_files(struct sample *sample, struct certificate *certificate)
{
    const char *corpus = getenv("CERTSTREAM_CORPUS");
    char folder[PATH_SIZE], path[PATH_SIZE + 512];
    (void)snprintf(folder, sizeof folder, "%s/certs/real",
                   corpus ? corpus : CERTSTREAM_CORPUS_DEFAULT);
    DIR *directory = opendir(folder);
    uint8_t *der = memory_allocate(DER_MAX);
    for (struct dirent *file = directory ? readdir(directory) : NULL; file;
         file = readdir(directory)) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, file->d_name);
        FILE *opened = file->d_name[0] == '.' ? NULL : fopen(path, "rbe");
        if (!opened)
            continue;
        add_entry(sample, certificate, bytes_of(der, fread(der, 1, DER_MAX, opened)));
        (void)fclose(opened);
    }
    if (directory)
        (void)closedir(directory);
    free(der);
}

static size_t count_names(const struct sample *sample, struct filter_subject *subject)
{
    size_t count = 0;
    for (size_t i = 0; i < sample->count; i++) {
        filter_subject_set(subject, &sample->entries[i]);
        struct subject_endings endings = filter_subject_endings(subject);
        for (size_t j = 0; j < endings.count; j++)
            count += endings.items[j].is_whole;
    }
    return count;
}

static void add_generated(struct sample *sample, struct certificate *certificate)
{
    struct buffer der;
    buffer_init(&der, DER_MAX);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        buffer_clear(&der);
        build_ordinary_certificate(&der, i, 2);
        add_entry(sample, certificate, buffer_bytes(&der));
    }
    buffer_free(&der);
}

/* Only the generated ones where there is no corpus. */
static void make_sample(struct sample *sample, bool is_real)
{
    struct certificate *certificate = certificate_create();
    buffer_init(&sample->bytes, SAMPLE_LIMIT);
    (void)buffer_reserve(&sample->bytes, SAMPLE_LIMIT / 4);
    if (is_real)
        add_files(sample, certificate);
    else
        add_generated(sample, certificate);
    certificate_destroy(certificate);
}

static struct filter *make_filter(const char *text)
{
    static struct query query;
    static const char *const others[] = { NULL };
    struct filter *filter;
    char reason[FILTER_REASON_SIZE];
    query_init(&query);
    while (*text) {
        size_t size = 0;
        while (text[size] && text[size] != '&')
            size++;
        if (!query_add(&query, bytes_of(text, size)))
            abort();
        text += size + (text[size] == '&');
    }
    if (!filter_create(&filter, &query, others, reason)) {
        (void)fprintf(stderr, "%s\n", reason);
        exit(1);
    }
    return filter;
}

struct run {
    const struct sample *sample;
    struct filter_subject *subject;
    struct filter **filters;
    size_t count;
    size_t passed;
};

/* Nanoseconds per entry. */
static double time_filters(struct run *run)
{
    uint64_t start = now_ns();
    uint64_t entries = 0;
    while (now_ns() - start < (uint64_t)figure_ms * 1000000)
        for (size_t i = 0; i < run->sample->count; i++, entries++) {
            filter_subject_set(run->subject, &run->sample->entries[i]);
            for (size_t j = 0; j < run->count; j++)
                run->passed += filter_matches(run->filters[j], run->subject);
        }
    return (double)(now_ns() - start) / (double)entries;
}

static void time_one(const struct sample *sample, struct filter_subject *subject, const char *text)
{
    struct filter *filter = make_filter(text);
    struct run run = { sample, subject, &filter, 1, 0 };
    (void)printf("%7.0f ns   %s\n", time_filters(&run), text);
    filter_release(filter);
}

/* A filter with the number in the middle. */
struct many {
    const char *before, *behind;
};

static struct filter *make_numbered(const struct many *many, unsigned number)
{
    char text[128];
    (void)snprintf(text, sizeof text, "%s%u%s", many->before, number, many->behind);
    return make_filter(text);
}

/* Microseconds per entry. */
static double time_index(const struct sample *sample, struct filter_subject *subject,
                         struct filter_index *index)
{
    uint64_t start = now_ns();
    uint64_t entries = 0;
    while (now_ns() - start < (uint64_t)figure_ms * 1000000)
        for (size_t i = 0; i < sample->count; i++, entries++) {
            void *const *owners;
            filter_subject_set(subject, &sample->entries[i]);
            (void)filter_index_find(index, subject, &owners);
        }
    return (double)(now_ns() - start) / (double)entries / 1000;
}

/* Until the index has had everything compiled that it wants to. */
static void compile_all(struct filter_index *index)
{
    struct pollfd descriptor = { filter_index_descriptor(index), POLLIN, 0 };
    filter_index_tick(index, UINT64_MAX / 2);
    if (descriptor.fd < 0 || poll(&descriptor, 1, COMPILE_MS) != 1)
        return;
    filter_index_take(index, 0);
}

static void time_together(const struct sample *sample, struct filter_subject *subject,
                          const struct many *many, unsigned count)
{
    struct filter_index *index = filter_index_create();
    struct filter **filters = memory_allocate_zeroed(count, sizeof(struct filter *));
    struct filter_member **members = memory_allocate_zeroed(count, sizeof(struct filter_member *));
    for (unsigned i = 0; i < count; i++) {
        filters[i] = make_numbered(many, i);
        members[i] = filter_index_add(index, filters[i], filters[i]);
    }
    double alone = time_index(sample, subject, index);
    if (filter_index_stats(index)->alone > 0)
        compile_all(index);
    const struct filter_index_stats *stats = filter_index_stats(index);
    (void)printf("%8u %10.2f %10.2f %8zu %8" PRIu64 " %8zu   %sN%s\n", count, alone,
                 time_index(sample, subject, index), stats->alone, stats->compiling_ms,
                 stats->set_bytes / 1024, many->before, many->behind);
    for (unsigned i = 0; i < count; i++) {
        filter_index_remove(index, members[i]);
        filter_release(filters[i]);
    }
    filter_index_destroy(index);
    free(filters);
    free(members);
}

static void time_many(const struct sample *sample, struct filter_subject *subject)
{
    static const struct many kinds[] = {
        { "domain=*.customer-", ".example.com" },
        { "match=brand", "" },
        { "regex=^brand", "[a-z]*\\.com$" },
        { "regex=(login|secure", ")-?(update|verify)" },
        { "regex=.{0,60}!.*", "" },
        { "domain=*.example&match=brand", "&regex=^[a-z]+&type=cert" },
        { "domain=*.brand", ".example&match=e&regex=^[a-z]+&type=cert" },
        { "domain=*.example&match=e&regex=brand", "[0-9]*-&type=cert" },
        { "domain=*.example&regex=^[a-z]+&log=*2026h", "*" },
        { "issuer=Some Authority ", "*" },
        { "operator=Operator ", "" },
        { "log=*2026h", "*" },
    };
    static const unsigned counts[] = { 1, 100, 1000 };
    (void)printf("   count        new   compiled    alone  compile      set\n"
                 "             us/entry  us/entry                ms      KiB\n");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t j = 0; j < sizeof counts / sizeof *counts; j++)
            if (figure_ms > SMOKE_MS || counts[j] < 100) /* more take seconds to compile */
                time_together(sample, subject, &kinds[i], counts[j]);
}

static void time_window(const struct sample *sample)
{
    struct recent_certificates *window = recent_certificates_create(WINDOW, 1);
    uint64_t start = now_ns();
    uint64_t entries = 0;
    while (now_ns() - start < (uint64_t)figure_ms * 1000000)
        for (size_t i = 0; i < sample->count; i++, entries++) {
            struct message_fingerprints fingerprints;
            if (!message_view_fingerprints(sample->entries[i].json, &fingerprints))
                abort();
            /* Three in four are new, as if the others came from other logs. */
            if (entries % 4)
                for (size_t j = 0; j < sizeof entries; j++) {
                    fingerprints.sha256[j] ^= (uint8_t)(entries >> 8 * j);
                    fingerprints.sha1[j] ^= (uint8_t)(entries >> 8 * j);
                }
            recent_certificates_add(window, &fingerprints, (struct stream_id){ entries + 1, 0 });
        }
    (void)printf("%7.0f ns for an entry to find its fingerprints and enter the window of %d\n",
                 (double)(now_ns() - start) / (double)entries, WINDOW);
    recent_certificates_destroy(window);
}

/* As if so many came each second. */
static void time_shares(const struct sample *sample, uint64_t per_second)
{
    struct shares *shares = shares_create(1);
    uint64_t start = now_ns();
    uint64_t entries = 0;
    while (now_ns() - start < (uint64_t)figure_ms * 1000000)
        for (size_t i = 0; i < sample->count; i++, entries++)
            shares_add(shares, &sample->entries[i], 1, 1, entries * 1000 / per_second);
    (void)printf("%7.0f ns for an entry to be counted by issuer, key and so on at %" PRIu64
                 " a second\n",
                 (double)(now_ns() - start) / (double)entries, per_second);
    shares_destroy(shares);
}

static void time_sample(bool is_real)
{
    static const char *const filters[] = {
        "domain=*.example.com",
        "domain=*.example.com&domain=.example.org&domain=www.example.net&domain=*.co.uk",
        "match=paypal",
        "regex=^(www\\.)?pay[a-z0-9-]*\\.(com|net)$",
        "regex=(login|secure|account)-?(update|verify)",
        "type=precert",
        "issuer=DigiCert*",
        "operator=google",
        "log=*2026h2*",
        "unique=1",
    };
    struct sample *sample = memory_allocate_zeroed(1, sizeof *sample);
    struct filter_subject *subject = filter_subject_create(NULL);
    make_sample(sample, is_real);
    if (sample->count > 0) {
        (void)printf("%zu %s certificates of %.1f names\n", sample->count,
                     is_real ? "real" : "generated",
                     (double)count_names(sample, subject) / (double)sample->count);
        for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
            time_one(sample, subject, filters[i]);
        time_many(sample, subject);
        time_window(sample);
        time_shares(sample, 500);
        time_shares(sample, 5000);
    }
    filter_subject_destroy(subject);
    buffer_free(&sample->bytes);
    free(sample);
}

int main(int count, char **arguments)
{
    if (count > 1 && arguments[1][0] == '-')
        figure_ms = SMOKE_MS;
    time_sample(false);
    time_sample(true);
    return 0;
}
