/* How the rows of a block are laid out, for the files that read and write them (redis/README.md,
 * "P:block"): tables, then columns, each as its size and so many bytes. */
#ifndef SHARED_HISTORY_BLOCK_COLUMNS_H
#define SHARED_HISTORY_BLOCK_COLUMNS_H

enum block_column {
    COLUMN_SOURCES,      /* table: logs */
    COLUMN_FINGERPRINTS, /* table: issuers, 32 bytes each */
    COLUMN_CHAINS,       /* table: runs of numbers of issuers */
    COLUMN_TEXTS,        /* table: parse errors */
    /* Of each row: */
    COLUMN_IDS,
    COLUMN_FLAGS,
    COLUMN_BLOCKS, /* which block has the record */
    /* Of each row whose record is not the next of this block: */
    COLUMN_RECORDS, /* its number */
    /* Of each row that is not verbatim: */
    COLUMN_SOURCE_NUMBERS,
    COLUMN_INDEXES,
    COLUMN_TIMESTAMPS,
    COLUMN_SEEN,
    COLUMN_CHAIN_NUMBERS,
    /* Of each row with ROW_HAS_TEXT: */
    COLUMN_TEXT_NUMBERS,
    BLOCK_COLUMNS,
};

/* Bits of COLUMN_FLAGS. */
enum {
    ROW_IS_VERBATIM = 1,
    ROW_IS_PRECERTIFICATE = 2,
    ROW_CHAIN_SHIFT = 2, /* two bits: enum message_chain */
    ROW_CHAIN_MASK = 3 << ROW_CHAIN_SHIFT,
    ROW_HAS_TEXT = 16,
    ROW_FLAGS = 32, /* all are below */
};

/* Values of COLUMN_BLOCKS; from ROW_IN_EARLIER on the number of an earlier block. */
enum {
    ROW_IS_NEXT,
    ROW_IS_HERE,
    ROW_IN_EARLIER,
};

#endif
