/* SPDX-License-Identifier: MIT
 *
 * load.c: foreign replies to the load generator. Each datagram, whatever its
 * bytes, must count once, as done, late or corrupt, and the slots must stay
 * consistent. An input is a series of datagrams, three bytes each: how a right
 * reply is changed, where, and to what.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#define net_load_dgrams load_dgrams /* beside the generator's own */
#include "engine/load_dgram.c"

enum { DEPTH = 8, SIZE = 40 };

static net_load *new_load(void) {
  net_load *l = calloc(1, sizeof *l);
  l->o = (net_load_options){
      .type = SOCK_DGRAM, .connections = 1, .size = SIZE, .depth = DEPTH};
  l->o.verify = l->counting = 1;
  l->pattern = calloc(1, NET_LOAD_PERIOD + NET_LOAD_CHUNK);
  for (int i = 0; i < NET_LOAD_PERIOD + SIZE; i++)
    l->pattern[i] = (char)(i * 7 + i / 251);
  l->conns = calloc(1, sizeof *l->conns);
  l->conns->fd = -1;
  if (dgram_prepare(l)) fuzz_wrong("no memory");
  return l;
}

/* Does what dgram_send_n does, without a socket. */
static void fill(net_load *l, net_load_conn *c) {
  while (c->in_flight < DEPTH) {
    write_dgram(l, c, 0);
    c->slots[((batch *)l->buffer)->slots[0]] = (net_load_slot){1, 1, l->tag++};
    c->in_flight++;
    l->in_flight++;
  }
}

/* Checks that each slot is either free or in flight. */
static void check_slots(const net_load *l, const net_load_conn *c) {
  unsigned seen = 0;
  for (uint32_t i = 0; i < DEPTH - c->in_flight; i++) {
    if (c->free[i] >= DEPTH || c->slots[c->free[i]].sent)
      fuzz_wrong("slot %u is not free", c->free[i]);
    seen |= 1u << c->free[i];
  }
  for (uint32_t i = 0; i < DEPTH; i++) seen |= (c->slots[i].sent > 0) << i;
  if (seen != (1u << DEPTH) - 1 || l->in_flight != c->in_flight)
    fuzz_wrong("slots %x, in flight %u", seen, c->in_flight);
}

/* Makes a right answer to the message of a slot. */
static size_t answer(const net_load *l, const net_load_conn *c, uint32_t slot,
                     char *data) {
  uint32_t tag = c->slots[slot].tag;
  header h = {slot, tag, check_of(c, slot, tag)};
  memcpy(data, &h, sizeof h);
  memcpy(data + sizeof h, body_of(l, tag), SIZE - sizeof h);
  return SIZE;
}

void fuzz_load(const uint8_t *data, size_t size) {
  static net_load *l;
  if (l == NULL) l = new_load();
  net_load_conn *c = l->conns;
  l->now = 2;
  for (size_t i = 0; i + 2 < size; i += 3) {
    char packet[SIZE + 1] = {0}, *exact;
    size_t len = answer(l, c, data[i] % DEPTH, packet);
    int right = data[i] >= 128;
    if (!right) packet[data[i + 1] % SIZE] ^= (char)data[i + 2];
    if (!right && data[i] & 64) len = data[i + 1] % (SIZE + 2);
    uint64_t before = l->messages + l->late + l->corrupt;
    int was = right && c->slots[data[i] % DEPTH].sent;
    uint64_t done = l->messages;
    exact = malloc(len ? len : 1); /* for AddressSanitizer */
    memcpy(exact, packet, len);
    match_reply(l, c, exact, len);
    free(exact);
    if (l->messages + l->late + l->corrupt != before + 1)
      fuzz_wrong("an answer counts not once");
    if (was && l->messages != done + 1) fuzz_wrong("a right answer is not");
    check_slots(l, c);
    if (data[i] & 32) fill(l, c);
  }
}
