#include "tests/support/ct_log/given_entries.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>
#include <openssl/evp.h>

#include "shared/base/base64.h"
#include "shared/base/memory.h"
#include "shared/base/reader.h"
#include "tests/support/ct_log/big_endian.h"
#include "tests/support/ct_log/stamped_gzip.h"

enum {
    FILE_MAX = 256 * 1024 * 1024,
    /* Two certificates of 2^24 bytes and their issuers would be the end of the format; this is the
     * end of sense. */
    ENTRY_MAX = 64 * 1024 * 1024,
    PATH_SIZE = 4096,
    READ_SIZE = 64 * 1024,
    CHAIN_MAX = 64,
    LEAF_INDEX_SIZE = 5,
    TIMESTAMP_OFFSET = 2,
    TIMESTAMP_END = 10,
};

struct given_entry {
    struct buffer leaf;
    struct buffer extra;
    struct bytes precertificate; /* in extra; empty for a certificate entry */
    size_t issuers[CHAIN_MAX];
    size_t issuer_count;
};

struct given_entries {
    struct given_entry *entries;
    size_t count;
    struct entry_issuer *issuers;
    size_t issuer_count;
    bool is_tiled;
};

static size_t issuer_add(struct given_entries *given, struct bytes der)
{
    struct entry_issuer issuer = { .der = der };
    bool made = EVP_Digest(der.data, der.size, issuer.fingerprint, NULL, EVP_sha256(), NULL) == 1;
    assert(made);
    (void)made;
    for (size_t i = 0; i < given->issuer_count; i++)
        if (memcmp(given->issuers[i].fingerprint, issuer.fingerprint, ENTRIES_HASH_SIZE) == 0)
            return i;
    given->issuers = memory_resize(given->issuers, given->issuer_count + 1, sizeof *given->issuers);
    given->issuers[given->issuer_count] = issuer;
    return given->issuer_count++;
}

static bool read_chain(struct given_entries *given, struct given_entry *entry, struct bytes list)
{
    struct reader reader = reader_of(list);
    while (reader.remaining && entry->issuer_count < CHAIN_MAX) {
        struct bytes der = reader_vector(&reader, 3);
        if (reader_ok(&reader))
            entry->issuers[entry->issuer_count++] = issuer_add(given, der);
    }
    if (entry->issuer_count)
        given->issuers[entry->issuers[entry->issuer_count - 1]].is_root = true;
    return reader_finished(&reader);
}

static bool read_extra(struct given_entries *given, struct given_entry *entry,
                       bool is_precertificate)
{
    struct reader reader = reader_of(buffer_bytes(&entry->extra));
    if (is_precertificate)
        entry->precertificate = reader_vector(&reader, 3);
    struct bytes chain = reader_vector(&reader, 3);
    return reader_finished(&reader) && read_chain(given, entry, chain);
}

/* True if the extensions (static-ct-api) hold the entry's place in the log, and nothing else. */
static bool says_index(struct bytes extensions, uint64_t index)
{
    struct reader reader = reader_of(extensions);
    bool is_leaf_index = reader_integer(&reader, 1) == 0 && reader_integer(&reader, 2) == 5;
    return is_leaf_index && reader_integer(&reader, 5) == index && reader_finished(&reader);
}

static bool read_leaf(struct given_entries *given, struct given_entry *entry, uint64_t index)
{
    struct reader reader = reader_of(buffer_bytes(&entry->leaf));
    uint64_t version_and_type = reader_integer(&reader, 2);
    (void)reader_integer(&reader, 8);
    uint64_t type = reader_integer(&reader, 2);
    if (type == 1)
        (void)reader_take(&reader, ENTRIES_HASH_SIZE);
    (void)reader_vector(&reader, 3);
    struct bytes extensions = reader_vector(&reader, 2);
    if (!reader_finished(&reader) || version_and_type != 0 || type > 1)
        return false;
    return read_extra(given, entry, type == 1) && says_index(extensions, index);
}

static bool decode_member(struct buffer *out, const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    buffer_init(out, ENTRY_MAX);
    return cJSON_IsString(member) && base64_decode(out, bytes_of_string(member->valuestring));
}

static bool add_entry(struct given_entries *given, const cJSON *object)
{
    given->entries = memory_resize(given->entries, given->count + 1, sizeof *given->entries);
    struct given_entry *entry = &given->entries[given->count];
    *entry = (struct given_entry){ 0 };
    if (!decode_member(&entry->leaf, object, "leaf_input") ||
        !decode_member(&entry->extra, object, "extra_data")) {
        buffer_free(&entry->leaf);
        buffer_free(&entry->extra);
        return false;
    }
    if (!read_leaf(given, entry, given->count))
        given->is_tiled = false;
    given->count++;
    return true;
}

static bool read_file(struct buffer *text, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    buffer_init(text, FILE_MAX);
    uint8_t *room;
    size_t got;
    do {
        room = buffer_reserve(text, READ_SIZE);
        got = room ? fread(room, 1, READ_SIZE, file) : 0;
        text->size += got;
    } while (got > 0);
    bool is_read = room && !ferror(file);
    (void)fclose(file);
    return is_read;
}

static bool add_file(struct given_entries *given, const char *path)
{
    struct buffer text = { 0 };
    if (!read_file(&text, path)) {
        (void)fprintf(stderr, "entries: cannot read %s\n", path);
        buffer_free(&text);
        return false;
    }
    cJSON *root = cJSON_ParseWithLength((const char *)text.data, text.size);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "entries");
    bool is_good = cJSON_IsArray(list);
    for (const cJSON *object = is_good ? list->child : NULL; object && is_good;
         object = object->next)
        is_good = add_entry(given, object);
    if (!is_good)
        (void)fprintf(stderr, "entries: %s is no get-entries answer\n", path);
    cJSON_Delete(root);
    buffer_free(&text);
    return is_good;
}

static int is_entries_file(const struct dirent *file)
{
    size_t size = strlen(file->d_name);
    return size > 5 && strcmp(file->d_name + size - 5, ".json") == 0 &&
           strncmp(file->d_name, "get-entries", strlen("get-entries")) == 0;
}

static bool add_folder(struct given_entries *given, const char *folder)
{
    struct dirent **files = NULL;
    int count = scandir(folder, &files, is_entries_file, alphasort);
    bool is_good = count > 0;
    if (!is_good)
        (void)fprintf(stderr, "entries: no get-entries*.json in %s\n", folder);
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE];
        (void)snprintf(path, sizeof path, "%s/%s", folder, files[i]->d_name);
        is_good = is_good && add_file(given, path);
        free(files[i]);
    }
    free(files);
    return is_good;
}

struct given_entries *given_entries_load(const char *path)
{
    struct given_entries *given = memory_allocate_zeroed(1, sizeof *given);
    given->is_tiled = true;
    struct stat status;
    bool is_folder = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    if (is_folder ? add_folder(given, path) : add_file(given, path))
        return given;
    given_entries_destroy(given);
    return NULL;
}

void given_entries_destroy(struct given_entries *given)
{
    if (!given)
        return;
    for (size_t i = 0; i < given->count; i++) {
        buffer_free(&given->entries[i].leaf);
        buffer_free(&given->entries[i].extra);
    }
    free(given->entries);
    free(given->issuers);
    free(given);
}

uint64_t given_entries_count(const struct given_entries *given)
{
    return given->count;
}

bool given_entries_are_tiled(const struct given_entries *given)
{
    return given->is_tiled && given->count > 0;
}

uint64_t given_entries_timestamp(const struct given_entries *given, uint64_t index)
{
    assert(index < given->count);
    struct reader reader = reader_of(buffer_bytes(&given->entries[index].leaf));
    (void)reader_take(&reader, TIMESTAMP_OFFSET);
    return reader_integer(&reader, TIMESTAMP_END - TIMESTAMP_OFFSET);
}

void given_entries_write_leaf(const struct given_entries *given,
                              const struct entry_position *position, struct buffer *out)
{
    assert(position->index < given->count);
    const struct buffer *leaf = &given->entries[position->index].leaf;
    size_t begin = out->size;
    buffer_append_bytes(out, buffer_bytes(leaf));
    if (out->failed || leaf->size < TIMESTAMP_END)
        return;
    big_endian_write(out->data + begin + TIMESTAMP_OFFSET, position->timestamp_ms,
                     TIMESTAMP_END - TIMESTAMP_OFFSET);
    /* The extension with the index is the last thing in a leaf that has it. */
    if (position->index_error && given->is_tiled)
        big_endian_write(out->data + out->size - LEAF_INDEX_SIZE,
                         position->index + position->index_error, LEAF_INDEX_SIZE);
}

void given_entries_write_members(const struct given_entries *given,
                                 const struct entry_position *position, struct buffer *out)
{
    struct buffer leaf;
    buffer_init(&leaf, ENTRY_MAX);
    given_entries_write_leaf(given, position, &leaf);
    buffer_append_string(out, "\"leaf_input\":\"");
    base64_encode(out, buffer_bytes(&leaf));
    buffer_append_string(out, "\",\"extra_data\":\"");
    base64_encode(out, buffer_bytes(&given->entries[position->index].extra));
    buffer_append_byte(out, '"');
    buffer_free(&leaf);
}

static void write_tile_leaf(const struct given_entries *given,
                            const struct entry_position *position, struct buffer *out)
{
    const struct given_entry *entry = &given->entries[position->index];
    struct buffer leaf;
    buffer_init(&leaf, ENTRY_MAX);
    given_entries_write_leaf(given, position, &leaf);
    buffer_append(out, leaf.data + TIMESTAMP_OFFSET, leaf.size - TIMESTAMP_OFFSET);
    if (entry->precertificate.size) {
        big_endian_append(out, entry->precertificate.size, 3);
        buffer_append_bytes(out, entry->precertificate);
    }
    big_endian_append(out, entry->issuer_count * ENTRIES_HASH_SIZE, 2);
    for (size_t i = 0; i < entry->issuer_count; i++)
        buffer_append(out, given->issuers[entry->issuers[i]].fingerprint, ENTRIES_HASH_SIZE);
    buffer_free(&leaf);
}

void given_entries_write_tile(const struct given_entries *given,
                              const struct entry_position *positions, size_t count, bool as_gzip,
                              struct buffer *out)
{
    struct buffer plain;
    buffer_init(&plain, out->limit);
    for (size_t i = 0; i < count; i++)
        write_tile_leaf(given, &positions[i], as_gzip ? &plain : out);
    if (as_gzip)
        gzip_write(out, buffer_bytes(&plain));
    buffer_free(&plain);
}

const struct entry_issuer *given_entries_issuers(const struct given_entries *given, size_t *count)
{
    *count = given->issuer_count;
    return given->issuers;
}
