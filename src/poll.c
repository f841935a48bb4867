/* SPDX-License-Identifier: MIT
 *
 * poll.c: waiting until a descriptor can be read or written.
 *
 * What was armed stays armed while its events find somebody who waits: a
 * server that reads, answers and reads again costs no epoll_ctl(2) a message.
 * The first event that finds nobody disarms it.
 */
#include "net.h"

#include <stdlib.h>

struct net_poll {
  uv_poll_t handle;
  net_wait *holder[2]; /* slots: the call that reads, the call that writes */
  int armed;           /* bits of what libuv watches for us */
};

static const int bits[2] = {
    [NET_READ] = UV_READABLE, [NET_WRITE] = UV_WRITABLE};

static void on_poll(uv_poll_t *handle, int status, int events);

static void arm(net_poll *p, int events) {
  if (events == p->armed) return;
  p->armed = events;
  if (events)
    uv_poll_start(&p->handle, events, on_poll);
  else
    uv_poll_stop(&p->handle);
}

static void on_poll(uv_poll_t *handle, int status, int events) {
  net_poll *p = handle->data;
  int unwanted = 0;
  if (status < 0) { /* libuv has stopped; the system call will say why */
    p->armed = 0;
    events = UV_READABLE | UV_WRITABLE;
  }
  for (int dir = NET_READ; dir <= NET_WRITE; dir++) {
    int waits = 0;
    if (!(events & bits[dir])) continue;
    for (net_wait *w = p->holder[dir]; w; w = w->next) waits |= w->waiting;
    net_wait_wake(p->holder[dir], NET_READY);
    if (!waits) unwanted |= bits[dir];
  }
  arm(p, p->armed & ~unwanted);
}

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

static net_poll *poll_new(lua_State *L, int fd) {
  net_poll *p = calloc(1, sizeof *p);
  if (p == NULL) luaL_error(L, "not enough memory");
  int err = uv_poll_init(&net_loop_get(L)->uv, &p->handle, fd);
  if (err) {
    free(p);
    luaL_error(L, "cannot watch descriptor %d: %s", fd, uv_strerror(err));
  }
  p->handle.data = p;
  return p;
}

/* Arms the running call to be tried again when fd is ready in direction dir.
 * Returns NET_WAIT. */
int net_poll_wait(lua_State *L, net_poll **pp, int fd, int dir) {
  if (*pp == NULL) *pp = poll_new(L, fd);
  arm(*pp, (*pp)->armed | bits[dir]);
  return net_wait_hold(L, &(*pp)->holder[dir]);
}

/* Is another call reading (writing) this descriptor? */
int net_poll_busy(lua_State *L, const net_poll *p, int dir) {
  return p != NULL && net_wait_busy(L, p->holder[dir]);
}

/* Wakes those who wait and lets go of the descriptor, which may then be
 * closed; libuv frees the handle when it is done with it. */
void net_poll_close(net_poll **pp) {
  net_poll *p = *pp;
  if (p == NULL) return;
  *pp = NULL;
  for (int dir = NET_READ; dir <= NET_WRITE; dir++) {
    net_wait_wake(p->holder[dir], NET_CANCELED);
    while (p->holder[dir]) net_wait_detach(p->holder[dir]);
  }
  uv_close((uv_handle_t *)&p->handle, on_closed);
}
