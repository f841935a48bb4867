/* SPDX-License-Identifier: MIT
 *
 * deadline.c: the time by which all the calls of a function must be done. A
 * coroutine may be inside several; the first one counts.
 */
#include "core/deadline.h"

/* Returns the time that is `seconds` from now, in ns of uv_hrtime; 0, which is
 * never, if they are negative. */
uint64_t net_deadline_after(double seconds) {
  const double most = 1e9; /* 31 years */
  if (seconds < 0) return 0;
  return uv_hrtime() + (uint64_t)((seconds > most ? most : seconds) * 1e9) + 1;
}

/* Does the code that runs now run in co, or in a coroutine resumed from it? */
static int runs_in(const net_loop *loop, const lua_State *co) {
  for (const net_frame *f = loop->frames; f; f = f->outer)
    if (f->co == co) return 1;
  return co == (loop->running ? loop->running->wait.L : loop->main.L);
}

/* Returns the first deadline of the code that runs now; 0: it has none. */
uint64_t net_deadline_first(const net_loop *loop) {
  uint64_t first = 0;
  for (const net_deadline *d = loop->deadlines; d; d = d->next)
    if ((!first || d->at < first) && runs_in(loop, d->co)) first = d->at;
  return first;
}

/* Has a deadline of the code that runs now passed? */
int net_deadline_passed(const net_loop *loop) {
  uint64_t first = net_deadline_first(loop);
  return first && uv_hrtime() >= first;
}

/* Enters a deadline: whatever is called in co must be done in `seconds`. */
void net_deadline_enter(net_loop *loop, net_deadline *d, const lua_State *co,
                        double seconds) {
  *d = (net_deadline){.at = net_deadline_after(seconds), .co = co};
  d->next = loop->deadlines;
  d->place = &loop->deadlines;
  if (d->next) d->next->place = &d->next;
  loop->deadlines = d;
}

/* Leaves a deadline; harmless if it has been left already. */
void net_deadline_leave(net_deadline *d) {
  if (d->place == NULL) return;
  *d->place = d->next;
  if (d->next) d->next->place = d->place;
  d->place = NULL;
}
