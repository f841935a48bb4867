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
#include <string.h>

/* What does not fit is left out, and `full` says so. */
typedef struct net_jot {
  char *text;
  size_t len, size;
  int full;
} net_jot;

static inline void net_jot_bytes(net_jot *j, const char *bytes, size_t len) {
  if (len > j->size - j->len) {
    j->full = 1;
    return;
  }
  memcpy(j->text + j->len, bytes, len);
  j->len += len;
}

/* A string constant. */
#define NET_JOT(j, constant) net_jot_bytes(j, constant, sizeof constant - 1)

static inline void net_jot_text(net_jot *j, const char *text) {
  net_jot_bytes(j, text, strlen(text));
}

void net_jot_number(net_jot *j, uint64_t n);
void net_jot_json(net_jot *j, const char *text, size_t len);
void net_jot_printable(net_jot *j, const char *bytes, size_t len);

#endif
