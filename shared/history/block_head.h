/*
 * What a block of packed history begins with (redis/README.md, "P:block"): which entries it has,
 * where its parts lie, and which earlier blocks it names. Pure.
 *
 *   head │ rows, one zstd frame │ records, zstd frames
 *
 * A row is an entry; a record is what it is made of: the certificate, or, where an entry cannot be
 * made again from its certificate, all its fields as they were. A record that several entries share
 * stands once in a generation of blocks: a row names its block and its number in it.
 */
#ifndef SHARED_HISTORY_BLOCK_HEAD_H
#define SHARED_HISTORY_BLOCK_HEAD_H

#include "shared/redis/stream_id.h"

enum {
    /* How blocks are laid out, and how an entry is made again from its certificate: any change of
     * what message_write or certificate_json_write writes is another format. */
    BLOCK_FORMAT = 1,
    BLOCK_ENTRIES_MAX = 16 * 1024,
    /* Of a frame of records, and of the rows; a record that is larger by itself has a frame of its
     * own. */
    BLOCK_FRAME_RAW_MAX = 1024 * 1024,
    /* Of one record: a certificate has at most 16 MB. */
    BLOCK_RECORD_MAX = 64 * 1024 * 1024,
    BLOCK_FRAMES_MAX = 4096,
    /* Blocks of a generation that one of them may name. */
    BLOCK_EARLIER_MAX = 4096,
    /* The head of any block lies within so many of its first bytes. */
    BLOCK_HEAD_MAX = 128 * 1024,
};

enum block_result {
    BLOCK_GOOD,
    BLOCK_DAMAGED,
    BLOCK_UNKNOWN, /* of another format than this program knows */
};

/* A frame: where in the block it lies, and how large it is when unpacked. */
struct block_part {
    size_t offset;
    size_t size;
    size_t raw_size;
    uint32_t first_record; /* 0 of the rows */
    uint32_t record_count; /* likewise */
};

struct block_head {
    uint16_t format;
    struct stream_id first;      /* id of its first entry */
    struct stream_id last;       /* and of the last, which names it */
    struct stream_id generation; /* id of the first entry of the first block of its generation */
    uint64_t ordinal;            /* of its first entry, as entries-added counts; 0: not known */
    uint32_t count;              /* entries */
    uint32_t record_count;
    size_t size; /* of the whole block */
    struct block_part rows;
    size_t frame_count;
    size_t earlier_count;
    struct bytes frames; /* views into the block, for the functions below */
    struct bytes earlier;
};

/* Reads the head of a block from its first bytes: all of them, or BLOCK_HEAD_MAX. The head has
 * views into them. Of a block of unknown format only `format` is set. */
enum block_result block_head_read(struct block_head *head, struct bytes bytes);

struct block_part block_head_frame(const struct block_head *head, size_t frame);
/* The frame that has the record; frame_count if the block has no such record. */
size_t block_head_frame_of(const struct block_head *head, uint32_t record);
/* The id of an earlier block that this one names. */
struct stream_id block_head_earlier(const struct block_head *head, size_t number);

/* Writes a head; `parts` are the rows and then the frames. Sizes have to be within the limits. */
struct buffer;
void block_head_write(struct buffer *out, const struct block_head *head,
                      const struct block_part *parts, const struct stream_id *earlier);

#endif
