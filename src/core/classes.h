/* SPDX-License-Identifier: MIT
 *
 * classes.h: the names of the module's classes, by which luaL_checkudata and
 * luaL_setmetatable know them.
 */
#ifndef CLASSES_H
#define CLASSES_H

#define NET_BUFFER "net.buffer"
#define NET_CONNECT "net.connect"
#define NET_DEADLINE "net.deadline"
#define NET_ECHO "net.echo"
#define NET_HISTOGRAM "net.histogram"
#define NET_LOAD "net.load"
#define NET_LOOKUP "net.lookup"
#define NET_POLLSET "net.pollset"
#define NET_SOCK "net.socket"
#define NET_TASK "net.task"

#endif
