#include "shared/x509/tbs_digest.h"

#include "shared/x509/certificate_extension.h"
#include "shared/x509/der.h"

enum {
    EXTENSIONS = DER_CONTEXT_CONSTRUCTED | 3,
    HEADER_MAX = 2 + sizeof(uint64_t),
    /* What is left out is at most two extensions, so that what stays is three runs. */
    RUNS_MAX = 3,
};

struct tbs_parts {
    struct bytes fields;         /* what stands before the extensions */
    struct bytes list;           /* the content of their SEQUENCE OF */
    struct bytes runs[RUNS_MAX]; /* the first of those that stay */
    size_t run_count;            /* of all */
    size_t kept;                 /* bytes of those that stay */
};

struct header {
    uint8_t octets[HEADER_MAX];
    size_t size;
};

/* Identifier and the shortest length, as DER has it. */
static struct header header_of(uint8_t tag, size_t size)
{
    struct header header = { .octets = { tag }, .size = 2 };
    if (size < 0x80) {
        header.octets[1] = (uint8_t)size;
        return header;
    }
    unsigned width = 1;
    while (width < sizeof size && size >> (8 * width))
        width++;
    header.octets[1] = (uint8_t)(0x80 | width);
    while (width-- > 0)
        header.octets[header.size++] = (uint8_t)(size >> (8 * width));
    return header;
}

static bool stays(const struct der_element *extension)
{
    struct reader inside = reader_of(extension->content);
    struct bytes id = der_take(&inside, DER_OBJECT_ID);
    return !certificate_extension_is(EXTENSION_POISON, id) &&
           !certificate_extension_is(EXTENSION_SCT_LIST, id);
}

/* The next run of extensions that stay; empty at the end. */
static struct bytes next_run(struct reader *list)
{
    struct bytes run = { 0 };
    struct der_element extension = { 0 };
    while (list->remaining && der_next(list, &extension)) {
        if (stays(&extension))
            run = bytes_of(run.size ? run.data : extension.whole.data,
                           run.size + extension.whole.size);
        else if (run.size)
            return run;
    }
    return run;
}

static bool read_extension_list(struct tbs_parts *parts, struct bytes content)
{
    struct reader outer = reader_of(content);
    parts->list = der_take(&outer, DER_SEQUENCE);
    struct reader list = reader_of(parts->list);
    for (struct bytes run = next_run(&list); run.size; run = next_run(&list)) {
        if (parts->run_count < RUNS_MAX)
            parts->runs[parts->run_count] = run;
        parts->run_count++;
        parts->kept += run.size;
    }
    return reader_finished(&outer) && reader_ok(&list);
}

static bool read_parts(struct tbs_parts *parts, struct bytes tbs)
{
    struct reader outer = reader_of(tbs);
    struct reader fields = der_enter(&outer, DER_SEQUENCE);
    struct der_element field = { 0 };
    *parts = (struct tbs_parts){ .fields = reader_rest(&fields) };
    while (fields.remaining && field.tag != EXTENSIONS)
        if (!der_next(&fields, &field))
            return false;
    if (!reader_finished(&outer) || !reader_finished(&fields))
        return false;
    if (field.tag != EXTENSIONS)
        return true;
    parts->fields.size -= field.whole.size;
    return read_extension_list(parts, field.content);
}

/* Whoever repeats the two has more runs than are kept. */
static void add_runs(struct digest *sha256, const struct tbs_parts *parts)
{
    struct reader list = reader_of(parts->list);
    if (parts->run_count > RUNS_MAX)
        for (struct bytes run = next_run(&list); run.size; run = next_run(&list))
            digest_add(sha256, run);
    else
        for (size_t i = 0; i < parts->run_count; i++)
            digest_add(sha256, parts->runs[i]);
}

bool tbs_digest(struct digest *sha256, uint8_t *out, struct bytes tbs)
{
    struct tbs_parts parts;
    if (!read_parts(&parts, tbs))
        return false;
    struct header list = header_of(DER_SEQUENCE, parts.kept);
    struct header extensions = header_of(EXTENSIONS, list.size + parts.kept);
    size_t size = parts.fields.size;
    if (parts.kept)
        size += extensions.size + list.size + parts.kept;
    struct header whole = header_of(DER_SEQUENCE, size);
    digest_begin(sha256);
    digest_add(sha256, bytes_of(whole.octets, whole.size));
    digest_add(sha256, parts.fields);
    if (parts.kept) {
        digest_add(sha256, bytes_of(extensions.octets, extensions.size));
        digest_add(sha256, bytes_of(list.octets, list.size));
    }
    add_runs(sha256, &parts);
    digest_end(sha256, out);
    return true;
}
