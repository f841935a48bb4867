/* SPDX-License-Identifier: MIT
 *
 * echo_events.c: the queue of events for the observers, and the end of an
 * engine that has done its work.
 */
#include "engine/echo_events.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"

/* Queues an event, and returns it; NULL if nobody observes its kind. A lack of
 * memory costs the observer the event, and has no other effect. */
net_echo_event *net_echo_observe(net_echo_worker *w, int kind,
                                 const struct sockaddr_storage *addr,
                                 socklen_t addrlen, const char *data,
                                 size_t len) {
  net_echo *e = w->echo;
  if (!(e->o.observed & kind)) return NULL;
  net_echo_event *event = malloc(sizeof *event + len);
  if (event == NULL) return NULL;
  *event = (net_echo_event){
      .at = net_clock(), .kind = kind, .len = len, .addrlen = addrlen};
  memcpy(&event->addr, addr, addrlen);
  if (len > 0) memcpy(event->data, data, len);
  *e->last = event;
  e->last = &event->next;
  e->queued += sizeof *event + len;
  return event;
}

/* Returns the next event, which lives until net_echo_drop, or NULL. */
const net_echo_event *net_echo_next(const net_echo *e) {
  return e->first;
}

/* Removes the next event. */
void net_echo_drop(net_echo *e) {
  net_echo_event *event = e->first;
  e->first = event->next;
  if (e->first == NULL) e->last = &e->first;
  e->queued -= sizeof *event + event->len;
  free(event);
}

/* Ends the engine: called by a worker that has no more to do. */
void net_echo_finish(net_echo *e) {
  atomic_store(&e->finished, 1);
  if (e->event_pipe[1] >= 0 && write(e->event_pipe[1], "", 1) < 0)
    return; /* it is full, and so is readable */
}

/* Has the engine ended by itself? */
int net_echo_finished(net_echo *e) {
  return atomic_load(&e->finished);
}
