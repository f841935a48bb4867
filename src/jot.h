/* SPDX-License-Identifier: MIT
 *
 * jot.h: text that is put together piece by piece, and soon is a line of a
 * trace: quicker than snprintf, and never longer than its room. Knows neither
 * Lua nor libuv.
 */
#ifndef JOT_H
#define JOT_H

#include <stddef.h>
#include <stdint.h>

/* What does not fit is left out, and `full` says so. */
typedef struct net_jot {
  char *text;
  size_t len, size;
  int full;
} net_jot;

void net_jot_bytes(net_jot *j, const char *bytes, size_t len);
void net_jot_text(net_jot *j, const char *text);
void net_jot_number(net_jot *j, uint64_t n);
void net_jot_printable(net_jot *j, const char *bytes, size_t len);
void net_jot_json(net_jot *j, const char *text, size_t len);

#endif
