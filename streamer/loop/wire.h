/*
 * A connected non-blocking socket, over TLS or not: what can be read of it and written to it now.
 * It knows no loop and keeps no bytes. Owned by transport.c.
 */
#ifndef STREAMER_LOOP_WIRE_H
#define STREAMER_LOOP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssl_ctx_st;
struct ssl_st;

struct wire {
    int descriptor;
    struct ssl_st *tls; /* NULL: in the clear */
    bool is_broken;
};

enum wire_result {
    WIRE_DONE,
    WIRE_WAITS, /* nothing now: an event of the socket will say when */
    WIRE_ENDED, /* the other side has said its last word */
    WIRE_BROKEN,
};

/* Takes the descriptor. `tls`: what a TLS server shows, borrowed; NULL: in the clear. */
void wire_init(struct wire *wire, int descriptor, struct ssl_ctx_st *tls);
/* Closes the socket, at once and without a word. */
void wire_close(struct wire *wire);

/* Up to `size` bytes, and how many to `got`. A TLS handshake is part of reading. */
enum wire_result wire_read(struct wire *wire, uint8_t *room, size_t size, size_t *got);
/* How many bytes were taken to `taken`. After WIRE_WAITS the same bytes have to come again first.
 * */
enum wire_result wire_write(struct wire *wire, const uint8_t *data, size_t size, size_t *taken);
/* Says that nothing more will come. Reading goes on. */
void wire_finish(struct wire *wire);

/* How many bytes the socket would take without waiting, about; half of what the kernel has, because
 * it counts its own overhead in. */
size_t wire_room(const struct wire *wire);

#endif
