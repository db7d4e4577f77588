/*
 * Which entries of which logs the stream held lately, and under which ids: so that what a Redis
 * that was set back gets again from ingest, under new ids, is known for what it is. A window of the
 * last RECENT_ENTRIES_MAX entries.
 */
#ifndef STREAMER_STREAM_RECENT_ENTRIES_H
#define STREAMER_STREAM_RECENT_ENTRIES_H

#include "shared/redis/stream_id.h"
#include "streamer/stream/gap.h"

enum {
    /* A quarter of a minute at 4,000 entries a second; a Redis with appendfsync everysec loses one
     * or two. 2 MB. */
    RECENT_ENTRIES_MAX = 65536,
    /* Logs that are told apart; of those beyond nothing is a repeat. */
    RECENT_LOGS_MAX = 1024,
    /* Repeats that are remembered: what is lost at once, several times over. */
    RECENT_REPEATS_MAX = 16384,
    RECENT_FORKS_MAX = 16,
};

struct recent_entries;

struct recent_entries *recent_entries_create(void);
/* NULL is fine. */
void recent_entries_destroy(struct recent_entries *recent);

enum recent_answer {
    RECENT_NEW,
    RECENT_KNOWN,  /* it was read before, under this id */
    RECENT_REPEAT, /* it was read before, under another id; that is remembered, and it takes the
                      other's place in the window */
};

/* An entry has been read: `log` is 64 hex digits. */
enum recent_answer recent_entries_add(struct recent_entries *recent, struct bytes log,
                                      uint64_t index, struct stream_id id);
/* True if this entry was read under this id, or nobody can tell. */
bool recent_entries_has(const struct recent_entries *recent, struct bytes log, uint64_t index,
                        struct stream_id id);
/* Redis lost entries that were read, none of those up to `from`: what was read after it and is not
 * added again from here on, under its id or another one, is lost. */
void recent_entries_note_loss(struct recent_entries *recent, struct stream_id from);
/* It is those after `fork`, which was read up to `last`; what Redis got instead may have any ids.
 * The last RECENT_FORKS_MAX of these are remembered. */
void recent_entries_note_fork(struct recent_entries *recent, struct stream_id fork,
                              struct stream_id last);
/* Where one who has had all up to and including `id` goes on: there, or, if it was lost, at the
 * fork.
 */
struct stream_id recent_entries_place(const struct recent_entries *recent, struct stream_id id);
/* True if one who has had all up to and including `after`, and goes on where recent_entries_place
 * says, may miss something: then `gap` says what. It is counted, if the window knows, where entries
 * are lost that were read and have not come again; as long as there are any, one who stands among
 * those that were lost may also miss others, which nobody ever read. */
bool recent_entries_find_lost(const struct recent_entries *recent, struct stream_id after,
                              struct gap *gap);
/* The lowest id in the window; false if it holds all that was ever read. */
bool recent_entries_begin(const struct recent_entries *recent, struct stream_id *id);
/* An administrator has moved the log's position by hand: what comes again is wanted again. */
void recent_entries_forget_log(struct recent_entries *recent, struct bytes log);

/* The id under which an entry that is a repeat was read first; false if the entry is none. */
bool recent_entries_original(const struct recent_entries *recent, struct stream_id id,
                             struct stream_id *original);

#endif
