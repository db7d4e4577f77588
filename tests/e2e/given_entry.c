#include "tests/e2e/given_entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "shared/base/memory.h"

enum {
    FILE_MAX = 64 << 20,
    /* Offsets in a MerkleTreeLeaf (RFC 6962 section 3.4): version and leaf type come first, each of
     * one byte. */
    TIMESTAMP_AT = 2,
    ENTRY_TYPE_AT = 10,
    CERTIFICATE_AT = 12,
};

static uint64_t integer_at(const uint8_t *bytes, size_t width)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | bytes[i];
    return value;
}

static uint8_t *decode(const cJSON *entry, const char *name, size_t *size)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, name));
    assert_non_null(text);
    size_t length = strlen(text);
    uint8_t *bytes = memory_allocate(length / 4 * 3 + 1);
    int decoded = EVP_DecodeBlock(bytes, (const uint8_t *)text, (int)length);
    assert_true(decoded >= 0);
    *size = (size_t)decoded;
    while (length && text[length - 1] == '=') {
        length--;
        (*size)--;
    }
    return bytes;
}

static void add_name(struct given_entry *entry, const uint8_t *text, int size)
{
    for (size_t i = 0; i < entry->name_count; i++)
        if (bytes_equal_string(bytes_of(text, (size_t)size), entry->names[i]))
            return;
    assert_true(entry->name_count < GIVEN_NAMES_MAX);
    entry->names[entry->name_count++] = memory_copy_text((const char *)text, (size_t)size);
}

static void add_alternative_names(struct given_entry *entry, const X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            add_name(entry, ASN1_STRING_get0_data(name->d.dNSName),
                     ASN1_STRING_length(name->d.dNSName));
    }
    GENERAL_NAMES_free(names);
}

static void add_common_name(struct given_entry *entry, const X509 *certificate)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int last = -1;
    for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
        last = at;
    if (last < 0)
        return;
    uint8_t *text = NULL;
    int size =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
    if (size > 0)
        add_name(entry, text, size);
    OPENSSL_free(text);
}

static bool is_authority(const X509 *certificate)
{
    BASIC_CONSTRAINTS *constraints =
        X509_get_ext_d2i(certificate, NID_basic_constraints, NULL, NULL);
    bool answer = constraints && constraints->ca;
    BASIC_CONSTRAINTS_free(constraints);
    return answer;
}

static void read_certificate(struct given_entry *entry)
{
    const uint8_t *at = entry->der.data;
    X509 *certificate = d2i_X509(NULL, &at, (long)entry->der.size);
    assert_non_null(certificate);
    add_alternative_names(entry, certificate);
    if (!is_authority(certificate))
        add_common_name(entry, certificate);
    X509_free(certificate);
    (void)SHA1(entry->der.data, entry->der.size, entry->sha1);
    (void)SHA256(entry->der.data, entry->der.size, entry->sha256);
}

static size_t count_chain(const uint8_t *chain)
{
    size_t end = 3 + integer_at(chain, 3);
    size_t count = 0;
    for (size_t at = 3; at < end; at += 3 + integer_at(chain + at, 3))
        count++;
    return count;
}

static void read_entry(struct given_entry *entry, const cJSON *json)
{
    size_t leaf_size;
    size_t extra_size;
    entry->leaf_input = decode(json, "leaf_input", &leaf_size);
    entry->extra_data = decode(json, "extra_data", &extra_size);
    assert_true(leaf_size > CERTIFICATE_AT + 3);
    entry->timestamp_ms = integer_at(entry->leaf_input + TIMESTAMP_AT, 8);
    entry->is_precertificate = integer_at(entry->leaf_input + ENTRY_TYPE_AT, 2) == 1;
    const uint8_t *vector =
        entry->is_precertificate ? entry->extra_data : entry->leaf_input + CERTIFICATE_AT;
    entry->der = bytes_of(vector + 3, integer_at(vector, 3));
    entry->chain_length = count_chain(entry->is_precertificate ? entry->der.data + entry->der.size
                                                               : entry->extra_data);
    read_certificate(entry);
}

static cJSON *read_json(const char *path)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *text = memory_allocate(FILE_MAX);
    size_t size = fread(text, 1, FILE_MAX, file);
    (void)fclose(file);
    cJSON *json = cJSON_ParseWithLength(text, size);
    free(text);
    assert_non_null(json);
    return json;
}

struct given_entry *given_entries_read(const char *path, size_t *count)
{
    cJSON *json = read_json(path);
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(json, "entries");
    *count = (size_t)cJSON_GetArraySize(array);
    struct given_entry *entries = memory_allocate_zeroed(*count, sizeof *entries);
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, array) read_entry(&entries[i++], item);
    cJSON_Delete(json);
    return entries;
}

void given_entries_free(struct given_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t name = 0; name < entries[i].name_count; name++)
            free(entries[i].names[name]);
        free(entries[i].leaf_input);
        free(entries[i].extra_data);
    }
    free(entries);
}
