/* SPDX-License-Identifier: MIT
 *
 * poll.c: waiting until a descriptor can be read or written.
 *
 * A descriptor is watched from its first wait until it is closed, and costs no
 * system call between: the kernel reports each change once, and `can` keeps
 * what it has said until a call has found out otherwise.
 *
 *   loop->polls[fd] = poll     an event names its descriptor and the serial
 *                              number of its poll, so one that comes late, for
 *                              a descriptor that is another's by now, is known
 */
#include "net.h"

#include <errno.h>
#include <stdlib.h>

#include "os/poller.h"

static const int bits[2] = {
    [NET_READ] = NET_CAN_READ, [NET_WRITE] = NET_CAN_WRITE};

void net_poll_init(net_poll *p) {
  *p = (net_poll){.can = NET_CAN_READ | NET_CAN_WRITE};
}

/* Makes loop->polls long enough for fd; false: there is no memory for it. */
static int make_room(net_loop *loop, int fd) {
  if (fd < loop->npolls) return 1;
  int n = fd < 32 ? 64 : fd * 2;
  net_poll **polls = realloc(loop->polls, (size_t)n * sizeof *polls);
  if (polls == NULL) return 0;
  for (int i = loop->npolls; i < n; i++) polls[i] = NULL;
  loop->polls = polls;
  loop->npolls = n;
  return 1;
}

static void watch(lua_State *L, net_poll *p, int fd) {
  net_loop *loop = net_loop_get(L);
  if (!make_room(loop, fd)) luaL_error(L, "not enough memory");
  if (++loop->serial == 0) loop->serial = 1;
  uint32_t serial = loop->serial;
  uint64_t key = (uint64_t)serial << 32 | (uint32_t)fd;
  if (NET_CALL(net_watch_add(loop->watch, fd, key)))
    luaL_error(L, "cannot watch descriptor %d: %s", fd, uv_strerror(-errno));
  p->loop = loop;
  p->fd = fd;
  p->serial = serial;
  loop->polls[fd] = p;
}

/* Arms the running call to be tried again when fd, which has said that it
 * cannot be read (written) now, can. Returns NET_WAIT. */
int net_poll_wait(lua_State *L, net_poll *p, int fd, int dir) {
  if (p->loop == NULL) watch(L, p, fd);
  p->can &= (char)~bits[dir];
  net_wait_hold(L, &p->holder[dir]);
  net_wait_outside(p->holder[dir]);
  return NET_WAIT;
}

/* A stream gave fewer bytes than it was asked for, so it has no more now. Not
 * where its end has been seen, or urgent data, at which recv(2) stops: what is
 * behind will not be reported again. */
void net_poll_drained(net_poll *p) {
  if (!p->hung_up) p->can &= ~NET_CAN_READ;
}

/* What the loop's watch reports of a descriptor. */
void net_poll_report(net_loop *loop, const net_event *event) {
  uint32_t fd = (uint32_t)event->key;
  net_poll *p = fd < (uint32_t)loop->npolls ? loop->polls[fd] : NULL;
  if (p == NULL || p->serial != event->key >> 32) return;
  if (event->bits & NET_HUNG_UP) p->hung_up = 1;
  p->can |= (char)(event->bits & (NET_CAN_READ | NET_CAN_WRITE));
  for (int dir = NET_READ; dir <= NET_WRITE; dir++)
    if (event->bits & bits[dir]) net_wait_wake(p->holder[dir], NET_READY);
}

/* Is another call reading (writing) this descriptor? */
int net_poll_busy(lua_State *L, const net_poll *p, int dir) {
  return net_wait_busy(L, p->holder[dir]);
}

/* Lets go of a descriptor that goes on to live, with an engine. */
void net_poll_hand_over(net_poll *p) {
  if (p->loop == NULL) return;
  NET_CALL(net_watch_remove(p->loop->watch, p->fd));
  p->loop->polls[p->fd] = NULL;
  net_poll_init(p);
}

/* Wakes those who wait for a descriptor that is about to be closed. */
void net_poll_close(net_poll *p) {
  for (int dir = NET_READ; dir <= NET_WRITE; dir++) {
    net_wait_wake(p->holder[dir], NET_CANCELED);
    while (p->holder[dir]) net_wait_detach(p->holder[dir]);
  }
  if (p->loop) p->loop->polls[p->fd] = NULL;
  p->loop = NULL;
}

/* The loop is about to go. */
void net_poll_forget(net_loop *loop) {
  for (int fd = 0; fd < loop->npolls; fd++)
    if (loop->polls[fd]) loop->polls[fd]->loop = NULL;
  free(loop->polls);
}
