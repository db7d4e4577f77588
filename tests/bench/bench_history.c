/*
 * What packed history takes and costs: bytes of an entry, CPU of packing and of reading back, and
 * how many minutes of all logs fit. Certificates have the sizes and shapes of the real ones of the
 * corpus, and serial numbers, keys, signatures, SCTs and names of their own: the same twice would
 * compress to nothing and show nothing. With --smoke few of them.
 *
 *   once   each certificate comes once
 *   as CT  each comes as a precertificate in three logs within 60 s, and as a certificate in two
 *          logs some minutes later
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "ingest/history/entry_packer.h"
#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/x509/certificate.h"
#include "shared/x509/certificate_fields.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/history_book.h"

enum {
    TEMPLATES_MAX = 4096,
    DER_MAX = 64 * 1024,
    LOGS = 40,
    CHAINS = 60,
    RATE = 1500, /* entries a second */
    POLL_MS = 5000,
    GENERATION_MS = 10 * 60 * 1000,
    BLOCKS_MAX = 4096,
    ENTRIES = 600 * 1000,
    SMOKE_ENTRIES = 4000,
    /* Of decoded frames, as a streamer has it. */
    CACHE_BYTES = 64 * 1024 * 1024,
    CACHE_MAX = 1024,
};

struct template
{
    uint8_t *der;
    size_t size;
    bool is_precertificate;
};

static struct template templates[TEMPLATES_MAX];
static size_t template_count;

static void read_template(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return;
    struct template *template = &templates[template_count];
    template->der = memory_allocate(size);
    template->size = fread(template->der, 1, size, file);
    template_count += template->size == size;
    (void)fclose(file);
}

static void read_templates(void)
{
    const char *corpus = getenv("CERTSTREAM_CORPUS");
    char folder[512], path[1024];
    (void)snprintf(folder, sizeof folder, "%s/certs/real",
                   corpus ? corpus : CERTSTREAM_CORPUS_DEFAULT);
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        struct stat status;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size < DER_MAX &&
            template_count < TEMPLATES_MAX)
            read_template(path, (size_t)status.st_size);
    }
    if (directory)
        (void)closedir(directory);
}

/* Makes copies of templates that are others. */
struct maker {
    struct certificate *certificate;
    uint8_t der[DER_MAX];
    size_t size;
    bool keeps_names;
};

static uint8_t *at_of(struct maker *maker, struct bytes view)
{
    return maker->der + (view.data - maker->certificate->der.data);
}

static void randomize(struct maker *maker, struct seeded_random *random, struct bytes view)
{
    if (view.size)
        seeded_random_fill(random, at_of(maker, view), view.size);
}

static struct bytes tail_of(struct bytes bytes, size_t size, size_t behind)
{
    if (bytes.size < size + behind)
        return (struct bytes){ 0 };
    return bytes_of(bytes.data + bytes.size - size - behind, size);
}

/* The modulus of an RSA key, the point of another. */
static struct bytes key_of(struct bytes info)
{
    enum {
        EXPONENT = 5
    };
    if (info.size > 520)
        return tail_of(info, 512, EXPONENT);
    if (info.size > 400)
        return tail_of(info, 384, EXPONENT);
    if (info.size > 200)
        return tail_of(info, 256, EXPONENT);
    return tail_of(info, info.size > 100 ? 96 : info.size > 80 ? 64 : 32, 0);
}

static void randomize_signature(struct maker *maker, struct seeded_random *random)
{
    struct bytes der = maker->certificate->der;
    size_t behind_tbs =
        der.size - (size_t)(maker->certificate->tbs.data + maker->certificate->tbs.size - der.data);
    if (behind_tbs > 500)
        randomize(maker, random, tail_of(der, 512, 0));
    else if (behind_tbs > 380)
        randomize(maker, random, tail_of(der, 384, 0));
    else if (behind_tbs > 250)
        randomize(maker, random, tail_of(der, 256, 0));
    else if (behind_tbs > 100) {
        randomize(maker, random, tail_of(der, 48, 0));
        randomize(maker, random, tail_of(der, 48, 50));
    } else {
        randomize(maker, random, tail_of(der, 31, 0));
        randomize(maker, random, tail_of(der, 31, 34));
    }
}

/* Of each SCT the low bytes of its time and its signature (RFC 6962 section 3.2): log ids and
 * algorithms stay. */
static void randomize_scts(struct maker *maker, struct seeded_random *random, struct bytes value)
{
    enum {
        LIST = 4, /* OCTET STRING of up to 255 bytes has one less */
        SCT = 2 + 1 + 32,
        TIME = 8,
        BEFORE_SIGNATURE = 2 + 2 + 2 + 4,
    };
    size_t at = value.size > 1 && value.data[1] == 0x81   ? 3
                : value.size > 1 && value.data[1] == 0x82 ? 4
                                                          : 2;
    at += 2;
    while (at + 2 < value.size) {
        size_t size = (size_t)value.data[at] << 8 | value.data[at + 1];
        if (at + 2 + size > value.size || size < SCT + TIME + BEFORE_SIGNATURE + 60)
            return;
        const uint8_t *sct = value.data + at;
        randomize(maker, random, bytes_of(sct + SCT + 4, 4));
        randomize(maker, random, bytes_of(sct + SCT + TIME + BEFORE_SIGNATURE, 30));
        randomize(maker, random, bytes_of(sct + 2 + size - 32, 31));
        at += 2 + size;
    }
}

/* Which letter and which digit becomes which: within a certificate always the same, so that names
 * which have much in common still do. */
struct cipher {
    uint8_t letters[256];
};

static void shuffle(struct cipher *cipher, struct seeded_random *random, uint8_t first,
                    uint8_t count)
{
    for (uint8_t i = 0; i < count; i++)
        cipher->letters[first + i] = (uint8_t)(first + i);
    for (uint8_t i = count; i > 1; i--) {
        size_t other = seeded_random_below(random, i);
        uint8_t letter = cipher->letters[first + i - 1];
        cipher->letters[first + i - 1] = cipher->letters[first + other];
        cipher->letters[first + other] = letter;
    }
}

static struct cipher cipher_of(struct seeded_random *random)
{
    struct cipher cipher;
    for (unsigned i = 0; i < 256; i++)
        cipher.letters[i] = (uint8_t)i;
    shuffle(&cipher, random, 'a', 26);
    shuffle(&cipher, random, '0', 10);
    return cipher;
}

/* All but the last label and a first "www". */
static void change_name(struct maker *maker, const struct cipher *cipher, struct bytes name)
{
    uint8_t *text = at_of(maker, name);
    size_t end = name.size, start = name.size > 4 && memcmp(text, "www.", 4) == 0 ? 4 : 0;
    while (end > 0 && text[end - 1] != '.')
        end--;
    for (size_t i = start; i < end; i++)
        text[i] = cipher->letters[text[i]];
}

static bool is_inside(struct bytes all, struct bytes part)
{
    return part.size && part.data >= all.data && part.data + part.size <= all.data + all.size;
}

static void change_names(struct maker *maker, struct seeded_random *random)
{
    const struct cipher cipher = cipher_of(random);
    const struct certificate *certificate = maker->certificate;
    for (size_t i = 0; i < certificate->domains.count; i++)
        if (is_inside(certificate->der, certificate->domains.names[i]))
            change_name(maker, &cipher, certificate->domains.names[i]);
    if (certificate->domains.count && is_inside(certificate->der, certificate->common_name))
        change_name(maker, &cipher, certificate->common_name);
}

static struct bytes make_der(struct maker *maker, const struct template *template, uint64_t number)
{
    struct certificate *certificate = maker->certificate;
    struct seeded_random random = seeded_random_of("history", "der", number);
    memcpy(maker->der, template->der, template->size);
    (void)certificate_parse(certificate, bytes_of(template->der, template->size));
    if (certificate->serial.size > 1)
        randomize(maker, &random, tail_of(certificate->serial, certificate->serial.size - 1, 0));
    randomize(maker, &random, key_of(certificate->public_key_info));
    for (size_t i = 0; i < certificate->extension_count; i++) {
        const struct certificate_extension *extension = &certificate->extensions[i];
        if (extension->kind == EXTENSION_SCT_LIST)
            randomize_scts(maker, &random, extension->value);
        if (extension->kind == EXTENSION_SUBJECT_KEY_IDENTIFIER && extension->value.size > 20)
            randomize(maker, &random, tail_of(extension->value, 20, 0));
    }
    if (certificate->tbs.size)
        randomize_signature(maker, &random);
    if (!maker->keeps_names)
        change_names(maker, &random);
    return bytes_of(maker->der, template->size);
}

/* An entry to come. */
struct event {
    uint64_t added_ms; /* when its log is polled after that */
    uint64_t logged_ms;
    uint32_t log;
    uint32_t template;
    uint64_t number; /* of the certificate: the same makes the same */
};

static int compare_events(const void *a, const void *b)
{
    const struct event *first = a, *second = b;
    if (first->added_ms != second->added_ms)
        return first->added_ms < second->added_ms ? -1 : 1;
    if (first->log != second->log)
        return first->log < second->log ? -1 : 1;
    if (first->logged_ms != second->logged_ms)
        return first->logged_ms < second->logged_ms ? -1 : 1;
    return first->number < second->number ? -1 : first->number > second->number;
}

static struct event event_of(struct seeded_random *random, uint64_t logged_ms, size_t log,
                             size_t template, uint64_t number)
{
    uint64_t phase = log * (POLL_MS / LOGS);
    (void)random;
    return (struct event){
        .added_ms = (logged_ms / POLL_MS + 1) * POLL_MS + phase,
        .logged_ms = logged_ms,
        .log = (uint32_t)log,
        .template = (uint32_t) template,
        .number = number,
    };
}

static size_t any_template(struct seeded_random *random, bool is_precertificate)
{
    for (;;) {
        size_t template = seeded_random_below(random, template_count);
        if (templates[template].is_precertificate == is_precertificate)
            return template;
    }
}

#define START_MS UINT64_C(1795900000000)

static void plan_once(struct event *events, size_t count)
{
    struct seeded_random random = seeded_random_of("history", "once", 0);
    for (size_t i = 0; i < count; i++)
        events[i] =
            event_of(&random, START_MS + i * 1000 / RATE, seeded_random_below(&random, LOGS),
                     seeded_random_below(&random, template_count), i);
}

static void plan_as_ct(struct event *events, size_t count)
{
    struct seeded_random random = seeded_random_of("history", "ct", 0);
    for (size_t i = 0; i + 5 <= count; i += 5) {
        uint64_t now = START_MS + i * 1000 / RATE;
        uint64_t later = now + 60000 + seeded_random_below(&random, 240000);
        size_t precertificate = any_template(&random, true), final = any_template(&random, false);
        size_t log = seeded_random_below(&random, LOGS);
        for (size_t j = 0; j < 3; j++)
            events[i + j] = event_of(&random, now + seeded_random_below(&random, 60000),
                                     (log + 7 * j) % LOGS, precertificate, i);
        for (size_t j = 0; j < 2; j++)
            events[i + 3 + j] = event_of(&random, later + seeded_random_below(&random, 60000),
                                         (log + 7 * j) % LOGS, final, i + 3);
    }
}

/* Logs and chains that entries name. */
struct world {
    struct history_source sources[LOGS];
    char texts[LOGS][3][128];
    uint64_t next_index[LOGS];
    char chains[CHAINS][2 * 64 + 2];
};

static void make_world(struct world *world)
{
    static const char base64_of_zeros[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    memset(world, 0, sizeof *world);
    for (size_t i = 0; i < LOGS; i++) {
        (void)snprintf(world->texts[i][0], 128, "Somebody's 'Log%zu' log", i);
        (void)snprintf(world->texts[i][1], 128, "https://log%zu.example/2026h2/", i);
        memset(world->texts[i][2], '0', 64);
        world->sources[i] = (struct history_source){
            .message = { .name = world->texts[i][0],
                         .url = world->texts[i][1],
                         .operator_name = "Somebody",
                         .log_id_base64 = base64_of_zeros,
                         .is_tiled = i % 3 != 0 },
            .log_id_hex = world->texts[i][2],
        };
        world->next_index[i] = i * 1000003;
    }
    for (size_t i = 0; i < CHAINS; i++) {
        uint8_t bytes[2][32];
        struct seeded_random random = seeded_random_of("history", "chain", i);
        seeded_random_fill(&random, bytes[0], 64);
        hex_encode(world->chains[i], bytes_of(bytes[0], 32));
        world->chains[i][64] = ' ';
        hex_encode(world->chains[i] + 65, bytes_of(bytes[1], 32));
    }
}

static double cpu_us(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

struct book {
    struct entry_packer *packer;
    struct buffer blocks[BLOCKS_MAX];
    size_t block_count;
    uint64_t entries, plain_bytes, bytes;
    double add_us[2]; /* of certificates that are new, and of copies */
    uint64_t adds[2];
    double finish_us, longest_us;
};

static void finish_block(struct book *book, uint64_t now_ms)
{
    double start = cpu_us();
    struct bytes block = entry_packer_finish(book->packer, book->entries);
    double took = cpu_us() - start;
    book->finish_us += took;
    book->longest_us = took > book->longest_us ? took : book->longest_us;
    if (book->block_count == BLOCKS_MAX)
        abort();
    struct buffer *copy = &book->blocks[book->block_count++];
    buffer_init(copy, SIZE_MAX / 2);
    buffer_append_bytes(copy, block);
    book->bytes += block.size;
    uint64_t generation_ms = entry_packer_generation(book->packer).ms;
    entry_packer_commit(book->packer);
    if (now_ms - generation_ms > GENERATION_MS || entry_packer_generation_is_full(book->packer))
        entry_packer_begin_generation(book->packer);
}

static void pack_event(struct book *book, struct world *world, struct maker *maker,
                       struct plain_entry *plain, const struct event *event, struct stream_id id)
{
    const struct template *template = &templates[event->template];
    struct history_entry entry = {
        .source = &world->sources[event->log],
        .index = world->next_index[event->log]++,
        .timestamp_ms = event->logged_ms,
        .seen_ms = event->added_ms,
        .is_precertificate = template->is_precertificate,
        .chain_bound = MESSAGE_CHAIN_BOUND,
        .chain = bytes_of(world->chains[event->template % CHAINS], 129),
    };
    struct history_fields fields =
        plain_entry_write(plain, &entry, make_der(maker, template, event->number));
    uint64_t records = entry_packer_stats(book->packer)->records;
    for (size_t i = 0; i < fields.count; i++)
        book->plain_bytes += fields.fields[i].value.size + fields.fields[i].name.size;
    double start = cpu_us();
    if (!entry_packer_add(book->packer, id, &fields))
        abort();
    double took = cpu_us() - start;
    bool is_copy = entry_packer_stats(book->packer)->records == records;
    book->add_us[is_copy] += took;
    book->adds[is_copy]++;
    book->longest_us = took > book->longest_us ? took : book->longest_us;
    book->entries++;
    if (entry_packer_is_full(book->packer))
        finish_block(book, id.ms);
}

static void pack_all(struct book *book, const struct event *events, size_t count, int level,
                     bool keeps_names)
{
    uint8_t seed[ENTRY_PACKER_SEED_SIZE] = { 1 };
    struct world *world = memory_allocate(sizeof *world);
    struct maker *maker = memory_allocate_zeroed(1, sizeof *maker);
    struct plain_entry plain;
    struct stream_id id = { 0 };
    *book = (struct book){ .packer = entry_packer_create(level, seed) };
    entry_packer_begin_generation(book->packer);
    maker->certificate = certificate_create();
    maker->keeps_names = keeps_names;
    make_world(world);
    plain_entry_init(&plain);
    for (size_t i = 0; i < count; i++) {
        /* A transaction of a log takes some ms. */
        uint64_t ms = events[i].added_ms + 300 + i % 64 / 32;
        id = ms > id.ms ? (struct stream_id){ ms, 0 } : stream_id_after(id);
        pack_event(book, world, maker, &plain, &events[i], id);
    }
    if (entry_packer_count(book->packer))
        finish_block(book, id.ms);
    plain_entry_free(&plain);
    certificate_destroy(maker->certificate);
    free(maker);
    free(world);
}

static void free_book(struct book *book)
{
    for (size_t i = 0; i < book->block_count; i++)
        buffer_free(&book->blocks[i]);
    entry_packer_destroy(book->packer);
}

/* Decoded frames, the oldest of which goes when there are too many bytes. */
struct cached {
    size_t block, number;
    struct block_frame *frame;
};

struct cache {
    struct cached frames[CACHE_MAX];
    size_t start, count, bytes;
    uint64_t decoded;
};

struct reading {
    const struct book *book;
    struct block_head heads[BLOCKS_MAX];
    struct block_decoder *decoder;
    struct entry_renderer *renderer;
    struct cache cache;
};

static void drop_frame(struct cache *cache)
{
    struct cached *oldest = &cache->frames[cache->start];
    cache->bytes -= block_frame_size(oldest->frame);
    block_frame_close(oldest->frame);
    cache->start = (cache->start + 1) % CACHE_MAX;
    cache->count--;
}

static struct block_frame *frame_of(struct reading *reading, size_t block, size_t number)
{
    struct cache *cache = &reading->cache;
    for (size_t i = cache->count; i-- > 0;) {
        struct cached *cached = &cache->frames[(cache->start + i) % CACHE_MAX];
        if (cached->block == block && cached->number == number)
            return cached->frame;
    }
    struct block_part part = block_head_frame(&reading->heads[block], number);
    struct bytes packed = bytes_of(reading->book->blocks[block].data + part.offset, part.size);
    struct block_frame *frame = block_frame_open(reading->decoder, &part, packed);
    if (!frame)
        abort();
    while (cache->count == CACHE_MAX ||
           (cache->count && cache->bytes + block_frame_size(frame) > CACHE_BYTES))
        drop_frame(cache);
    cache->frames[(cache->start + cache->count++) % CACHE_MAX] =
        (struct cached){ block, number, frame };
    cache->bytes += block_frame_size(frame);
    cache->decoded++;
    return frame;
}

static size_t block_of(const struct reading *reading, struct stream_id last)
{
    size_t low = 0, high = reading->book->block_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (stream_id_compare(reading->heads[middle].last, last) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Reads all entries; how much of each is wanted. */
static void read_all(const struct book *book, unsigned wanted, const char *what)
{
    struct reading *reading = memory_allocate_zeroed(1, sizeof *reading);
    uint64_t bytes = 0;
    double start = cpu_us();
    reading->book = book;
    reading->decoder = block_decoder_create();
    reading->renderer = entry_renderer_create();
    for (size_t i = 0; i < book->block_count; i++) {
        struct bytes block = buffer_bytes(&book->blocks[i]);
        if (block_head_read(&reading->heads[i], block) != BLOCK_GOOD)
            abort();
    }
    for (size_t i = 0; i < book->block_count; i++) {
        const struct block_head *head = &reading->heads[i];
        struct block_rows *rows =
            block_rows_open(reading->decoder, head,
                            bytes_of(book->blocks[i].data + head->rows.offset, head->rows.size));
        for (size_t row = 0; row < block_rows_count(rows); row++) {
            struct history_entry entry;
            struct history_fields fields;
            block_rows_entry(rows, row, &entry);
            size_t block = entry.place.is_here ? i : block_of(reading, entry.place.block);
            size_t number = block_head_frame_of(&reading->heads[block], entry.place.record);
            struct bytes record =
                block_frame_record(frame_of(reading, block, number), entry.place.record);
            if (!entry_renderer_render(reading->renderer, &entry, record, wanted, &fields))
                abort();
            bytes += fields.fields[wanted & ENTRY_JSON ? 0 : 1].value.size;
        }
        block_rows_close(rows);
    }
    double took = cpu_us() - start;
    (void)printf("  %-8s %7.0f entries/s, %.1f us each, %.0f bytes each, %" PRIu64
                 " frames unpacked\n",
                 what, (double)book->entries / took * 1e6, took / (double)book->entries,
                 (double)bytes / (double)book->entries, reading->cache.decoded);
    while (reading->cache.count)
        drop_frame(&reading->cache);
    entry_renderer_destroy(reading->renderer);
    block_decoder_destroy(reading->decoder);
    free(reading);
}

/* What Redis' allocator takes for a value of that size: four classes for each power of two. */
static size_t allocated(size_t size)
{
    size_t power = (size_t)1 << 14;
    while (2 * power < size)
        power *= 2;
    size_t step = power / 4;
    return (size + step - 1) / step * step;
}

static void print_minutes(double bytes_of_entry)
{
    static const double sizes[] = { 1, 2, 4, 16 };
    static const double rates[] = { 1500, 4000 };
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        (void)printf("  minutes at %.0f entries/s:", rates[i]);
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
            double all = sizes[j] * 1024 * 1024 * 1024;
            double plain = all / 8 < 256.0 * 1024 * 1024 ? all / 8 : 256.0 * 1024 * 1024;
            double room = all * 0.8 - plain - 30.0 * 1024 * 1024;
            (void)printf(" %.0f in %.0f GB%s", room / bytes_of_entry / rates[i] / 60, sizes[j],
                         j + 1 < sizeof sizes / sizeof *sizes ? "," : "\n");
        }
    }
}

static void report_book(const struct book *book)
{
    uint64_t memory = 0;
    for (size_t i = 0; i < book->block_count; i++)
        memory += allocated(book->blocks[i].size);
    const struct entry_packer_stats *stats = entry_packer_stats(book->packer);
    double entries = (double)book->entries;
    (void)printf("  %" PRIu64 " entries, %" PRIu64 " certificates, %" PRIu64
                 " kept as they were, %zu blocks of %.2f MB\n",
                 book->entries, stats->records, stats->verbatim, book->block_count,
                 (double)book->bytes / (double)book->block_count / 1e6);
    (void)printf("  %.0f bytes each, %.0f in Redis' memory; %.0f plain\n",
                 (double)book->bytes / entries, (double)memory / entries,
                 (double)book->plain_bytes / entries);
    double finish = book->finish_us / entries;
    (void)printf(
        "  packing %.1f us of a new certificate, %.1f us of a copy, and %.1f us of each to "
        "finish blocks; longest step %.1f ms\n",
        book->add_us[0] / (double)(book->adds[0] + !book->adds[0]),
        book->add_us[1] / (double)(book->adds[1] + !book->adds[1]), finish,
        book->longest_us / 1000);
    print_minutes((double)memory / entries);
}

static void run(const char *what, void (*plan)(struct event *, size_t), size_t count, int level,
                bool keeps_names)
{
    struct event *events = memory_allocate_zeroed(count, sizeof *events);
    struct book *book = memory_allocate_zeroed(1, sizeof *book);
    (void)printf("%s, zstd level %d%s\n", what, level, keeps_names ? ", names as they are" : "");
    plan(events, count);
    qsort(events, count, sizeof *events, compare_events);
    pack_all(book, events, count, level, keeps_names);
    report_book(book);
    read_all(book, ENTRY_JSON | ENTRY_DOMAINS, "lite");
    read_all(book, ENTRY_DOMAINS, "domains");
    free_book(book);
    free(book);
    free(events);
}

static void find_precertificates(void)
{
    struct certificate *certificate = certificate_create();
    for (size_t i = 0; i < template_count; i++) {
        (void)certificate_parse(certificate, bytes_of(templates[i].der, templates[i].size));
        templates[i].is_precertificate = certificate->texts[EXTENSION_POISON].is_present;
    }
    certificate_destroy(certificate);
}

/* bench_history [--smoke] [LEVEL...] */
int main(int count, char **arguments)
{
    bool is_smoke = count > 1 && strcmp(arguments[1], "--smoke") == 0;
    size_t entries = is_smoke ? SMOKE_ENTRIES : ENTRIES;
    read_templates();
    find_precertificates();
    if (!template_count) {
        (void)fprintf(stderr, "no corpus: bench_history is skipped\n");
        return 0;
    }
    int first = is_smoke ? 2 : 1;
    for (int i = first; i < count; i++) {
        run("once", plan_once, entries / 6, (int)strtol(arguments[i], NULL, 10), false);
        run("as CT", plan_as_ct, entries / 6, (int)strtol(arguments[i], NULL, 10), false);
    }
    if (count > first)
        return 0;
    run("once", plan_once, entries, ENTRY_PACKER_LEVEL, true);
    run("once", plan_once, entries, ENTRY_PACKER_LEVEL, false);
    run("as CT", plan_as_ct, is_smoke ? entries : 2 * entries, ENTRY_PACKER_LEVEL, false);
    for (size_t i = 0; i < template_count; i++)
        free(templates[i].der);
    return 0;
}
