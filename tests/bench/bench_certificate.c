/*
 * What a certificate costs, stage by stage, in microseconds of this thread and in megabytes of DER
 * per second: over the real certificates of the corpus, or over generated ones where it is absent.
 * With --smoke it runs for a moment and fails if the hot path allocates memory for each
 * certificate.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "shared/base/digest.h"
#include "shared/base/memory.h"
#include "shared/message/certificate_json.h"
#include "shared/message/message.h"
#include "shared/x509/certificate.h"
#include "tests/unit/certificate_builder.h"

enum {
    SAMPLE_LIMIT = 1 << 30,
    GENERATED_COUNT = 1000,
    SECONDS_PER_FIGURE_MS = 1500,
    SMOKE_MS = 20,
};

/* The linker's --wrap puts these in front of the C library's; only our own code is counted, not
 * OpenSSL's. */
static uint64_t allocations;

void *real_malloc(size_t size) __asm__("__real_malloc");
void *real_realloc(void *block, size_t size) __asm__("__real_realloc");
void *real_calloc(size_t count, size_t size) __asm__("__real_calloc");
void *counted_malloc(size_t size) __asm__("__wrap_malloc");
void *counted_realloc(void *block, size_t size) __asm__("__wrap_realloc");
void *counted_calloc(size_t count, size_t size) __asm__("__wrap_calloc");

void *counted_malloc(size_t size)
{
    allocations++;
    return real_malloc(size);
}

void *counted_realloc(void *block, size_t size)
{
    allocations++;
    return real_realloc(block, size);
}

void *counted_calloc(size_t count, size_t size)
{
    allocations++;
    return real_calloc(count, size);
}

struct sample {
    const char *name;
    struct buffer ders; /* one after the other */
    size_t *sizes;
    size_t count;
};

struct bench {
    struct certificate *certificate;
    struct digest *sha256;
    struct digest *sha1;
    struct buffer out;
    struct message_source source;
    uint64_t duration_ms;
};

static void add_der(struct sample *sample)
{
    size_t before = 0;
    for (size_t i = 0; i < sample->count; i++)
        before += sample->sizes[i];
    sample->sizes = memory_resize(sample->sizes, sample->count + 1, sizeof *sample->sizes);
    sample->sizes[sample->count++] = sample->ders.size - before;
}

static bool append_file(struct buffer *out, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    uint8_t block[4096];
    for (size_t size = sizeof block; size == sizeof block;) {
        size = fread(block, 1, sizeof block, file);
        buffer_append(out, block, size);
    }
    (void)fclose(file);
    return true;
}

static void read_folder(struct sample *sample, const char *name)
{
    const char *corpus = getenv("CERTSTREAM_CORPUS");
    char folder[512], path[1024];
    (void)snprintf(folder, sizeof folder, "%s/certs/%s",
                   corpus ? corpus : CERTSTREAM_CORPUS_DEFAULT, name);
    DIR *directory = opendir(folder);
    for (struct dirent *entry = directory ? readdir(directory) : NULL; entry;
         entry = readdir(directory)) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && append_file(&sample->ders, path))
            add_der(sample);
    }
    if (directory)
        (void)closedir(directory);
}

static void generate(struct sample *sample)
{
    for (uint64_t i = 0; i < GENERATED_COUNT; i++) {
        build_ordinary_certificate(&sample->ders, i, 1 + i % 4);
        add_der(sample);
    }
}

static void hash(struct bench *bench, struct bytes der)
{
    uint8_t value[SHA256_SIZE];
    digest_bytes(bench->sha256, value, der);
    digest_bytes(bench->sha1, value, der);
}

static void parse(struct bench *bench, struct bytes der)
{
    (void)certificate_parse(bench->certificate, der);
}

static void parse_and_write(struct bench *bench, struct bytes der, enum certificate_dialect dialect,
                            bool as_der)
{
    buffer_clear(&bench->out);
    (void)certificate_parse(bench->certificate, der);
    certificate_json_write(&bench->out, bench->certificate, dialect, as_der);
}

static void write_lite(struct bench *bench, struct bytes der)
{
    parse_and_write(bench, der, CERTIFICATE_DIALECT_CERTSTREAM, false);
}

static void write_full(struct bench *bench, struct bytes der)
{
    parse_and_write(bench, der, CERTIFICATE_DIALECT_CERTSTREAM, true);
}

static void write_go(struct bench *bench, struct bytes der)
{
    parse_and_write(bench, der, CERTIFICATE_DIALECT_GO, false);
}

static void write_message(struct bench *bench, struct bytes der)
{
    struct message_entry entry = { .source = &bench->source,
                                   .index = 123456789,
                                   .timestamp_ms = 1700000000123,
                                   .seen_ms = 1700000001456 };
    buffer_clear(&bench->out);
    (void)certificate_parse(bench->certificate, der);
    message_write(&bench->out, &entry, bench->certificate);
    certificate_json_write_domains(&bench->out, bench->certificate, CERTIFICATE_DIALECT_CERTSTREAM);
}

static void parse_with_openssl(struct bench *bench, struct bytes der)
{
    (void)bench;
    const unsigned char *at = der.data;
    X509_free(d2i_X509(NULL, &at, (long)der.size));
    ERR_clear_error();
}

struct figure {
    const char *name;
    void (*run)(struct bench *bench, struct bytes der);
    bool is_ours; /* must not allocate */
};

static const struct figure figures[] = {
    { "SHA-256 + SHA-1", hash, true },
    { "parse with hashes", parse, true },
    { "parse + lite JSON", write_lite, true },
    { "parse + full JSON", write_full, true },
    { "parse + message + domains", write_message, true },
    { "parse + go JSON", write_go, false },
    { "OpenSSL d2i_X509", parse_with_openssl, false },
};

static uint64_t thread_time_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void run_once(struct bench *bench, const struct figure *figure, const struct sample *sample)
{
    size_t at = 0;
    for (size_t i = 0; i < sample->count; at += sample->sizes[i++])
        figure->run(bench, bytes_of(sample->ders.data + at, sample->sizes[i]));
}

/* Returns the allocations of all rounds after the first, in which the arrays grow to what the
 * sample needs. */
static uint64_t measure(struct bench *bench, const struct figure *figure,
                        const struct sample *sample)
{
    run_once(bench, figure, sample);
    uint64_t allocations_before = allocations;
    uint64_t start = thread_time_ns(), best = UINT64_MAX;
    while (thread_time_ns() - start < bench->duration_ms * 1000000) {
        uint64_t before = thread_time_ns();
        run_once(bench, figure, sample);
        uint64_t taken = thread_time_ns() - before;
        best = taken < best ? taken : best;
    }
    double microseconds = (double)best / 1000 / (double)sample->count;
    (void)printf("%-10s %-26s %7.2f us/certificate %8.1f MB/s\n", sample->name, figure->name,
                 microseconds, (double)sample->ders.size / (double)best * 1000);
    return allocations - allocations_before;
}

static bool run_figures(struct bench *bench, const struct sample *sample)
{
    bool clean = true;
    (void)printf("%-10s %zu certificates of %zu bytes on average\n", sample->name, sample->count,
                 sample->ders.size / sample->count);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        uint64_t count = measure(bench, &figures[i], sample);
        if (!figures[i].is_ours || !count)
            continue;
        (void)printf("%s allocated memory %" PRIu64 " times after its first round\n",
                     figures[i].name, count);
        clean = false;
    }
    return clean;
}

int main(int argc, char **argv)
{
    bool smoke = argc > 1 && strcmp(argv[1], "--smoke") == 0;
    struct bench bench = { .certificate = certificate_create(),
                           .sha256 = digest_create(DIGEST_SHA256),
                           .sha1 = digest_create(DIGEST_SHA1),
                           .source = { "Example Log 2027h1", "https://log.example/2027h1/",
                                       "Example",
                                       "5Pt3SiEkxYZAsYMvUKv63ISjiu1xke62aSI3ksv2KJE=", false },
                           .duration_ms = smoke ? SMOKE_MS : SECONDS_PER_FIGURE_MS };
    struct sample samples[] = { { .name = "real" },
                                { .name = "staging" },
                                { .name = "generated" } };
    buffer_init(&bench.out, SAMPLE_LIMIT);
    bool clean = true;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct sample *sample = &samples[i];
        buffer_init(&sample->ders, SAMPLE_LIMIT);
        if (strcmp(sample->name, "generated") == 0)
            generate(sample);
        else
            read_folder(sample, sample->name);
        if (sample->count)
            clean = run_figures(&bench, sample) && clean;
        buffer_free(&sample->ders);
        free(sample->sizes);
    }
    certificate_destroy(bench.certificate);
    digest_destroy(bench.sha256);
    digest_destroy(bench.sha1);
    buffer_free(&bench.out);
    return clean ? 0 : 1;
}
