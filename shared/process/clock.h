/* The clocks. Only the shells read them; the core is handed the time. */
#ifndef SHARED_PROCESS_CLOCK_H
#define SHARED_PROCESS_CLOCK_H

#include <stdint.h>

/* Milliseconds since some fixed moment; never goes back. For deadlines. */
uint64_t clock_monotonic_ms(void);
/* Milliseconds since 1970. For what people and other machines read. */
uint64_t clock_realtime_ms(void);
/* Microseconds of processor time that this thread has used: how much work something was, whatever
 * else the machine does. */
uint64_t clock_processor_us(void);

#endif
