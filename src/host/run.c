/* SPDX-License-Identifier: MIT
 *
 * run.c: runs a script as the first task.
 */
#include "host/run.h"

#include "core/interrupt.h"
#include "core/loop.h"
#include "core/report.h"
#include "core/task.h"

/* Turns the loop until no task is left alive, or the script has failed; before
 * a prompt, until the script has ended. */
static void turn(net_loop *loop, const net_task *script, int prompt) {
  while (prompt ? script->state == NET_LIVE
                : loop->live > 0 && script->state != NET_FAILED)
    if (!net_loop_turn(loop, 1)) {
      lua_writestringerror("netlab: deadlock: %s\n",
                           "the tasks wait for each other");
      loop->failed++;
      return;
    }
}

/* Cancels the tasks that are still alive. */
static void cancel_all(lua_State *L, net_loop *loop) {
  while (loop->tasks.next != &loop->tasks) {
    net_task *t = net_task_of(loop->tasks.next);
    net_task_anchor(L, t); /* keeps it for its report */
    net_task_cancel(t, L);
    if (t->state == NET_FAILED) net_report_error(t);
    lua_pop(L, 1);
  }
}

/* Runs `script` as the first task, then the prompt if there is one and the
 * script did not fail. Returns the exit status. */
int net_run_script(lua_State *L, lua_CFunction script,
                   void (*prompt)(lua_State *L)) {
  net_loop *loop = net_loop_find(L);
  loop->hosted = 1;
  loop->current = NULL;
  net_interrupt_catch_sigpipe(loop);
  lua_pushcfunction(L, script);
  net_task *t = net_task_new(L, loop, 0); /* stays on the stack */
  turn(loop, t, prompt != NULL);
  if (prompt && t->state == NET_DONE) prompt(L);
  cancel_all(L, loop);
  if (loop->interrupted) return net_interrupt_exit_status();
  return loop->failed > 0;
}
