-- SPDX-License-Identifier: MIT
---@meta net
--
-- The reference of the module net: what `require "net"` gives, for editors
-- that read Lua annotations, for the man page net(3lua) and for you. None of
-- it is ever run.
--
-- A function has, in this order:
--
--   --- What it does, in plain sentences. Indented lines are shown as they are.
--   ---
--   --- Errors: "ECODE" when, "ECODE".      if it can fail: nil, message, code
--   ---
--   --- See: man(2), RFC 1234, slide "name".
--   ---@param name type what, with its unit        (name? may be nil)
--   ---@return type name what                      (one line for each result)
--   function sock:verb(name) end
--
-- A tag is one line, its type without a space outside of fun(). A function that
-- can fail has message and code for its second and third result; where these
-- places have something else on success, that says "or the message" and "or the
-- code"; what only a failure has begins with "if it failed: ". A field's text
-- stands behind it or, if it is long, above it. A line `-- # Title` begins a
-- part of the reference; the comment below is its text.
-- tests/reference_spec.lua holds all this, the loaded module and the README's
-- table against each other.

--- Sockets with the names of the BSD socket API, tasks that wait in
--- straight-line code, and echo engines in C. The program netlab has the module
--- inside; for plain Lua 5.4 it is a shared library.
---@class net
---@field _VERSION string netlab's: "0.1.0"
local net = {}

-- # Values
--
-- Sizes are in bytes and times in seconds, with fractions; a port is an integer
-- in host byte order, 0 to 65535, or the name of a service as services(5) has
-- it ("http"). An address is two values, host and port; that of a UNIX socket
-- is one, its path (Linux: an abstract name begins with a NUL byte).
--
-- What the network does wrong is returned:
--
--   nil, "connect 127.0.0.1:9: connection refused (ECONNREFUSED)",
--   "ECONNREFUSED"
--
-- so assert(sock:connect(host, port)) stops with that message. What the caller
-- does wrong (a wrong type, a port that is none, an unknown option) raises, at
-- the caller's line, before any system call.
--
-- A call that has to wait lets the other tasks go on. It raises where it cannot
-- wait: in table.sort, string.gsub, tostring, require or a finalizer; and in a
-- coroutine of your own, unless net.coroutine made or resumed it. Nothing that
-- has arrived is lost: after a time-out it is still there to be read.

--- The symbolic name of what went wrong: that of an errno(3), one of
--- getaddrinfo(3), or "EOF".
---@alias net.code
---| "EOF" # the peer has ended the stream: it sends no more
---| "EAGAIN" # the socket is non-blocking, and the call would have to wait
---| "ETIMEDOUT" # the time-out is over, or the peer does not answer
---| "ECANCELED" # the socket was closed while the call waited
---| "EBUSY" # another call of the same direction is under way
---| "EBADF" # the socket is closed
---| "EINVAL" # the call makes no sense here
---| "ENODEV" # there is no such network interface
---| "EMFILE" # the process has no descriptor left
---| "ENFILE" # the system has no descriptor left
---| "ENOBUFS" # the kernel has no room for that now
---| "ENOMEM" # the kernel has no memory for that now
---| "EACCES" # one may not: a port below 1024, a path without the right
---| "EADDRINUSE" # another socket has that address
---| "EADDRNOTAVAIL" # that address is none of this machine
---| "EINPROGRESS" # a non-blocking connect has begun
---| "EALREADY" # one has begun before, and has not ended
---| "ECONNREFUSED" # nobody listens there
---| "ECONNRESET" # the peer has broken the connection off
---| "EHOSTUNREACH" # that host does not answer, or is kept from us
---| "ENETUNREACH" # there is no route to that network
---| "ENOTCONN" # there is no connection
---| "EPIPE" # the peer reads no more, or we have ended our stream
---| "ESHUTDOWN" # the socket was shut down before
---| "EMSGSIZE" # it is too long: a datagram, or a line
---| "ENOTSUP" # the kernel does not have it
---| "ENOPROTOOPT" # the socket has no such option
---| "ENOENT" # there is no such entry
---| "EPROTO" # the peer does not keep to the protocol
---| "EAI_NONAME" # there is no such host name
---| "EAI_AGAIN" # no name server answers now
---| "EAI_ADDRFAMILY" # the host has no address of that family
---| "EAI_SERVICE" # there is no such service
---| "EAI_BADFLAGS" # the flags do not go together
---| string

-- # Names

--- The name of this machine.
---
--- See: gethostname(2), slide "local_machine_info".
---@return string name
function net.gethostname() end

--- A host's first IPv4 address. "localhost" and a numeric address need no
--- lookup, and "" is "0.0.0.0". Raises for a NUL byte, or over 253 bytes.
---
--- Errors: "EAI_NONAME" there is no such name, "EAI_AGAIN" no name server
--- answers now.
---
--- See: gethostbyname(3), getaddrinfo(3), slide "remote_machine_info".
---@param name string a host name, or a numeric IPv4 address
---@return string? address "127.0.0.1"
---@return string? message
---@return net.code? code
function net.gethostbyname(name) end

--- What net.getaddrinfo may be told. Unless they are given, addresses of both
--- families come, and each of them once a type.
---@class net.getaddrinfo.hints
---@field family? "inet"|"inet6" only this one
---@field type? "stream"|"dgram" only this one
--- A list of "AI_PASSIVE" "AI_CANONNAME" "AI_NUMERICHOST" "AI_NUMERICSERV"
--- "AI_ADDRCONFIG" "AI_V4MAPPED" "AI_ALL".
---@field flags? string[]

--- One address of a host: what net.socket and sock:connect take.
---@class net.getaddrinfo.address
---@field family "inet"|"inet6"
---@field type "stream"|"dgram"
---@field host string
---@field port integer
---@field canonname? string in the first one, where it was asked for

--- Every address that the resolver has for a host, in its order.
---
--- Errors: "EAI_NONAME" there is no such name, "EAI_AGAIN" no name server
--- answers now, "EAI_SERVICE" there is no such service, "EAI_BADFLAGS".
---
--- See: getaddrinfo(3), RFC 3493, RFC 6724.
---@param host? string nil: the loopback, or every address with AI_PASSIVE
---@param service? integer|string nil: port 0; one of the two has to be given
---@param hints? net.getaddrinfo.hints
---@return net.getaddrinfo.address[]? list
---@return string? message
---@return net.code? code
function net.getaddrinfo(host, service, hints) end

--- The name of an address of either family.
---
--- Errors: "EAI_NONAME" it has none, "EAI_AGAIN" no name server answers now,
--- "EINVAL" it is no address, "ENODEV" its zone is none.
---
--- See: gethostbyaddr(3), getnameinfo(3).
---@param ip string a numeric address: "127.0.0.1", "fe80::1%eth0"
---@return string? name
---@return string? message
---@return net.code? code
function net.gethostbyaddr(ip) end

--- What net.getnameinfo may be told.
---@class net.getnameinfo.options
--- A list of "NI_NUMERICHOST" and "NI_NUMERICSERV" (digits, and nobody is
--- asked), "NI_NAMEREQD" (a host without a name is an error) and "NI_DGRAM" (a
--- service of UDP).
---@field flags? string[]

--- The host name and the service of an address of either family. What has no
--- name comes back as digits.
---
--- Errors: "EAI_NONAME" it has no name, "EAI_AGAIN" no name server answers now,
--- "EINVAL" the host is no address, "ENODEV" its zone is none.
---
--- See: getnameinfo(3).
---@param host string a numeric address
---@param port integer|string
---@param options? net.getnameinfo.options
---@return string? name of the host
---@return string? service or the message
---@return net.code? code
function net.getnameinfo(host, port, options) end

--- The port of a service: 80 for "http".
---
--- Errors: "ENOENT" services(5) has none.
---
--- See: getservbyname(3).
---@param name string
---@param proto? "tcp"|"udp" "tcp" unless given
---@return integer? port in host byte order
---@return string? message
---@return net.code? code
function net.getservbyname(name, proto) end

--- The name of the service that lives at a port: "http" for 80.
---
--- Errors: "ENOENT" services(5) has none.
---
--- See: getservbyport(3), slide "finding_service_name".
---@param port integer in host byte order
---@param proto? "tcp"|"udp" "tcp" unless given
---@return string? name
---@return string? message
---@return net.code? code
function net.getservbyport(port, proto) end

--- A port as somebody types it: the digits of one, or a service's name. Made
--- for argparse's convert.
---
--- Errors: "EINVAL" it is neither.
---
--- See: services(5).
---@param text string|integer
---@return integer? port in host byte order
---@return string? message
---@return net.code? code
function net.port(text) end

--- An address of one of this machine's interfaces.
---@class net.interface
---@field name string "eth0"
---@field index integer the interface's number
---@field family "inet"|"inet6"
---@field address string with its zone where it has one: "fe80::1%eth0"
---@field netmask string "255.255.255.0", "ffff:ffff:ffff:ffff::"
---@field mac string "02:42:ac:11:00:02"; zeros if it has none
---@field internal boolean true: the loopback
---@field scope? integer the zone's id, of an address that has one

--- The addresses of this machine: one entry for each address of each interface
--- that is up and running, its cable plugged in.
---
--- Errors: "EMFILE" the process has no descriptor left.
---
--- See: getifaddrs(3).
---@return net.interface[]? interfaces
---@return string? message
---@return net.code? code
function net.interfaces() end

-- # Addresses

--- An IPv4 address as the four bytes that travel.
---
--- Errors: "EINVAL" the text is no IPv4 address.
---
--- See: inet_aton(3), slide "ip4_address_conversion".
---@param text string "127.0.0.1"
---@return string? bytes 4 of them, in network byte order
---@return string? message
---@return net.code? code
function net.inet_aton(text) end

--- The four bytes of an IPv4 address as text. Raises for any other number of
--- bytes.
---
--- See: inet_ntoa(3), slide "ip4_address_conversion".
---@param bytes string 4 of them, in network byte order
---@return string text "127.0.0.1"
function net.inet_ntoa(bytes) end

--- An address of either family as the bytes that travel. One of IPv6 may name
--- its zone, "fe80::1%eth0"; then the zone's id is the second result.
---
--- Errors: "EINVAL" the text is no address of that family, "ENODEV" no
--- interface has the zone's name.
---
--- See: inet_pton(3), RFC 4007.
---@param family "inet"|"inet6"
---@param text string
---@return string? bytes 4 or 16 of them, in network byte order
---@return integer|string? scope the zone's id, or nil: none; or the message
---@return net.code? code
function net.inet_pton(family, text) end

--- The 4 ("inet") or 16 ("inet6") bytes of an address as text. Raises for any
--- other number of bytes. A zone is printed as its interface's name, or as it
--- is if there is no such interface.
---
--- See: inet_ntop(3), RFC 4007.
---@param family "inet"|"inet6"
---@param bytes string 4 or 16 of them, in network byte order
---@param scope? integer the id of an IPv6 address's zone; 0 is none
---@return string text "127.0.0.1", "fe80::1%eth0"
function net.inet_ntop(family, bytes, scope) end

--- 32 bits from host to network byte order. Raises for what has more.
---
--- See: byteorder(3), slide "integer_conversion".
---@param n integer 0 to 4294967295
---@return integer n
function net.htonl(n) end

--- 32 bits from network to host byte order. Raises for what has more.
---
--- See: byteorder(3), slide "integer_conversion".
---@param n integer 0 to 4294967295
---@return integer n
function net.ntohl(n) end

--- 16 bits from host to network byte order. Raises for what has more.
---
--- See: byteorder(3), slide "integer_conversion".
---@param n integer 0 to 65535
---@return integer n
function net.htons(n) end

--- 16 bits from network to host byte order. Raises for what has more.
---
--- See: byteorder(3), slide "integer_conversion".
---@param n integer 0 to 65535
---@return integer n
function net.ntohs(n) end

--- Bytes as hexadecimal digits, two a byte.
---
--- See: slide "ip4_address_conversion".
---@param bytes string
---@return string text "7f000001"
function net.hexlify(bytes) end

--- The bytes that hexlify has made digits of; capitals may be.
---
--- Errors: "EINVAL" the text does not have two hexadecimal digits for each byte.
---
--- See: net.hexlify.
---@param text string "7f000001"
---@return string? bytes
---@return string? message
---@return net.code? code
function net.unhexlify(text) end

--- What a stranger sent, made safe to print: every byte that is not printable
--- ASCII becomes \xNN, as in Python's bytes literals, and a backslash \\.
---
--- See: ascii(7).
---@param bytes string
---@return string text
function net.escape(bytes) end

-- # Sockets
--
-- Each method returns what its system call gives, or the socket itself, or nil,
-- message, code. In every one of them, "EBADF" is a closed socket, "ECANCELED"
-- one that was closed while the call waited, and "EBUSY" another call of the
-- same direction that is under way, or an engine that has the socket. A call
-- waits as long as settimeout says: then its code is "ETIMEDOUT" or, in the
-- non-blocking mode, "EAGAIN". At the end of a <close> variable's block, the
-- socket in it is closed.

--- A socket, from net.socket or accept.
---@class net.socket
local sock = {}

--- Makes a socket. It is a blocking one, and no child process inherits it.
---
--- Errors: "EMFILE" the process has no descriptor left.
---
--- See: socket(2).
---@param family? "inet"|"inet6"|"unix" "inet" unless given
---@param type? "stream"|"dgram" "stream" unless given
---@return net.socket? sock
---@return string? message
---@return net.code? code
function net.socket(family, type) end

--- Makes two sockets that are connected to each other.
---
--- Errors: "ENOTSUP" the kernel has it for UNIX sockets only, "EMFILE".
---
--- See: socketpair(2), unix(7).
---@param family? "inet"|"inet6"|"unix" "unix" unless given
---@param type? "stream"|"dgram" "stream" unless given
---@return net.socket? first
---@return net.socket|string? second or the message
---@return net.code? code
function net.socketpair(family, type) end

--- What net.connect may be told.
---@class net.connect.options
---@field timeout? number seconds for all of it, with the lookup; none
---@field family? "inet"|"inet6" only these addresses
---@field nodelay? boolean true: set TCP_NODELAY, as small requests want
---@field local_host? string the address of this machine to come from, no name
---@field local_port? integer and the port; 0 is one that the kernel picks

--- One address that net.connect has tried.
---@class net.connect.attempt
---@field host string
---@field port integer
---@field seconds number from its begin to its end
---@field error? string the message, if it was in vain
---@field code? net.code "ECANCELED": another one was quicker

--- Connects a stream to the first address of a host that answers. All of them
--- are tried, in the resolver's order but IPv6 and IPv4 by turns, each 250 ms
--- after the one before began, or as soon as that has failed; when one
--- connects, those under way are closed. "localhost" is ::1 and 127.0.0.1. The
--- socket has no time-out.
---
---     local sock <close> = assert(net.connect("www.lua.org", 80))
---
--- Errors: "ECONNREFUSED", "ENETUNREACH", "ETIMEDOUT", "EADDRNOTAVAIL",
--- "EAI_NONAME", "EAI_AGAIN", "EMFILE". The code is that of the last attempt,
--- and the message tells of each.
---
--- See: connect(2), RFC 8305.
---@param host string a name or an address
---@param port integer|string
---@param options? net.connect.options
---@return net.socket? sock
---@return net.connect.attempt[]|string? attempts or the message
---@return net.code? code
---@return net.connect.attempt[]? attempts if it failed: those that were begun
function net.connect(host, port, options) end

--- What net.listen may be told.
---@class net.listen.options
---@field backlog? integer connections that may wait for accept; 128
--- SO_REUSEADDR, so that a server can start again at once; true.
---@field reuseaddr? boolean
---@field reuseport? boolean SO_REUSEPORT: several sockets share a port; false
--- An IPv6 socket takes IPv4, too (IPV6_V6ONLY is off), and "" is every address
--- of both; false.
---@field dual_stack? boolean

--- Makes a stream socket that listens: socket, bind and listen in one call. It
--- has no time-out. "localhost" is 127.0.0.1; of a name, it is the first
--- address that can be bound. Waits only where a name has to be looked up.
---
--- Errors: "EADDRINUSE", "EADDRNOTAVAIL", "EACCES", "EAI_NONAME", "EAI_AGAIN",
--- "EMFILE". The message names the address.
---
--- See: listen(2), socket(7), ipv6(7), slide "reuse_socket_address".
---@param host string "" is every local IPv4 address
---@param port integer|string 0 is one that the kernel picks
---@param options? net.listen.options
---@return net.socket? sock
---@return string? message
---@return net.code? code
function net.listen(host, port, options) end

--- Gives the socket an address of this machine. Waits only where a name has to
--- be looked up.
---
--- Errors: "EADDRINUSE", "EADDRNOTAVAIL", "EACCES", "EINVAL" it is bound
--- already, "EAI_NONAME".
---
--- See: bind(2), slide "reuse_socket_address".
---@param host string "" is every local address; or a UNIX socket's path
---@param port? integer|string 0 is one that the kernel picks
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:bind(host, port) end

--- Has the kernel take connections, for accept to give out.
---
--- Errors: "EADDRINUSE" another socket listens there.
---
--- See: listen(2).
---@param backlog? integer connections that may wait for accept; 128
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:listen(backlog) end

--- Waits for a client. The new socket is a blocking one, with no time-out.
--- While the process has no descriptor left, clients that come see a close,
--- and the call goes on to wait; it asks again ten times a second where the
--- system has none, or no memory. A non-blocking socket returns the error when
--- one client has seen a close.
---
--- Errors: "EAGAIN", "ETIMEDOUT"; non-blocking: "EMFILE", "ENFILE", "ENOBUFS",
--- "ENOMEM".
---
--- See: accept(2), slide "socket_modes".
---@return net.socket? client
---@return string? host of the client, or its path; or the message
---@return integer|net.code? port of the client; or the code
function sock:accept() end

--- Connects to a peer. A datagram socket then sends to that one only, and
--- receives from no other.
---
--- Errors: "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH",
--- "EAI_NONAME", "EAI_AGAIN"; non-blocking: "EINPROGRESS", and the socket can
--- be written when it is connected; until then, "EALREADY".
---
--- See: connect(2), slide "socket_errors".
---@param host string a name or an address; or a UNIX socket's path
---@param port? integer|string
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:connect(host, port) end

--- Ends one direction of a connection, or both. After "SHUT_WR" the peer reads
--- the end of the stream, and we may read on.
---
--- Errors: "ENOTCONN" there is no connection, "EBUSY" it is being served by
--- sock:echo.
---
--- See: shutdown(2).
---@param how "SHUT_RD"|"SHUT_WR"|"SHUT_RDWR"
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:shutdown(how) end

--- Closes the socket. Never waits, and may be called again. Calls that wait on
--- the socket end with "ECANCELED".
---
--- See: close(2).
---@return true closed
function sock:close() end

--- Receives what there is, as soon as there is something. A datagram socket
--- gives one datagram, cut to size; an empty one is "". After "MSG_PEEK" the
--- next call receives the same bytes again.
---
--- Errors: "EOF" the peer sends no more, "EAGAIN", "ETIMEDOUT", "ECONNRESET".
---
--- See: recv(2), slide "echo_server and echo_client by TCP".
---@param size integer 1 to 2^30 bytes
---@param flag? "MSG_PEEK"
---@return string? data 1 to size bytes
---@return boolean|string? cut true: of a longer datagram; or the message
---@return net.code? code
function sock:recv(size, flag) end

--- Receives exactly so many bytes of a stream. What has arrived before a
--- failure stays readable.
---
--- Errors: "EOF", "EAGAIN", "ETIMEDOUT", "ECONNRESET".
---
--- See: recv(2).
---@param size integer 1 to 2^30 bytes
---@return string? data size bytes
---@return string? message
---@return net.code? code
function sock:recv_exact(size) end

--- Receives the next line of a stream, without its \n or \r\n. The last one may
--- lack its end, as with io.read.
---
--- Errors: "EMSGSIZE" it is longer than max, and stays readable, "EOF",
--- "EAGAIN", "ETIMEDOUT", "ECONNRESET".
---
--- See: recv(2).
---@param max? integer the longest line, 1 to 2^30 bytes; 65536
---@return string? line
---@return string? message
---@return net.code? code
function sock:recv_line(max) end

--- Receives every byte until the end of the stream, which is no failure here:
--- "" where there is nothing more. The time-out is for the whole of it. What
--- has arrived before a failure stays readable.
---
--- Errors: "EMSGSIZE" there is more than max, "EAGAIN", "ETIMEDOUT",
--- "ECONNRESET".
---
--- See: recv(2).
---@param max? integer 1 to 2^30 bytes; 64 MiB
---@return string? data
---@return string? message
---@return net.code? code
function sock:recv_all(max) end

--- An iterator of lines: recv_line until the end of the stream. Any other
--- failure is raised, as by io.lines.
---
---     for line in sock:lines() do print(line) end
---
--- See: recv(2).
---@param max? integer the longest line, 1 to 2^30 bytes; 65536
---@return fun():string? next
function sock:lines(max) end

--- recv, into a buffer, which makes no string.
---
--- Errors: "EOF" the peer sends no more, "EAGAIN", "ETIMEDOUT", "ECONNRESET".
---
--- See: recv(2).
---@param buffer net.buffer
---@param first? integer the first byte to fill, as in string.sub; 1
---@param last? integer the last one; the buffer's end
---@return integer? count of the bytes that came; 0 is an empty datagram
---@return boolean|string? cut true: of a longer datagram; or the message
---@return net.code? code
function sock:recv_into(buffer, first, last) end

--- Sends as much as the kernel takes now; of a stream's bytes these may be
--- fewer than all, and sendall goes on.
---
--- Errors: "EPIPE", "ECONNRESET", "EAGAIN", "ETIMEDOUT", "EMSGSIZE" a datagram
--- is too long.
---
--- See: send(2).
---@param data string|net.buffer
---@param first? integer the first byte to send, as in string.sub; 1
---@param last? integer the last one; the end of data
---@return integer? count of the bytes that the kernel took
---@return string? message
---@return net.code? code
function sock:send(data, first, last) end

--- Sends until the kernel has taken every byte.
---
--- Errors: "EPIPE", "ECONNRESET", "EAGAIN", "ETIMEDOUT".
---
--- See: send(2), slide "echo_server and echo_client by TCP".
---@param data string|net.buffer
---@param first? integer the first byte to send, as in string.sub; 1
---@param last? integer the last one; the end of data
---@return net.socket? sock
---@return string? message
---@return net.code? code
---@return integer? sent if it failed: bytes that the kernel had taken
function sock:sendall(data, first, last) end

--- Receives one datagram, cut to size, and says who sent it. After "MSG_PEEK"
--- the next call receives the same one again. (From a UNIX socket, cut comes
--- behind the path.)
---
--- Errors: "EAGAIN", "ETIMEDOUT".
---
--- See: recvfrom(2), slide "echo_server and echo_client by UDP".
---@param size integer 1 to 2^30 bytes
---@param flag? "MSG_PEEK"
---@return string? data
---@return string? host of the sender, or its path; or the message
---@return integer|net.code? port of the sender; or the code
---@return true? cut it had more than size bytes, of which Linux tells
function sock:recvfrom(size, flag) end

--- Sends one datagram.
---
--- Errors: "EMSGSIZE" it is too long for one, "ECONNREFUSED" an earlier one
--- found nobody, "EAI_NONAME", "EAI_AGAIN", "EAGAIN", "ETIMEDOUT".
---
--- See: sendto(2), slide "echo_server and echo_client by UDP".
---@param data string
---@param host string a name or an address; or a UNIX socket's path
---@param port? integer|string
---@return integer? count of the bytes sent
---@return string? message
---@return net.code? code
function sock:sendto(data, host, port) end

--- How long each call may wait: nil for ever (the blocking mode, the default),
--- 0 not at all ("EAGAIN", the non-blocking mode), else that long in all
--- ("ETIMEDOUT").
---
--- Errors: "EBADF".
---
--- See: slide "socket_timeout".
---@param seconds number?
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:settimeout(seconds) end

--- What settimeout has set.
---
--- Errors: "EBADF".
---
--- See: slide "socket_timeout".
---@return number? seconds nil: for ever
---@return string? message
---@return net.code? code
function sock:gettimeout() end

--- settimeout(nil) for true, settimeout(0) for false.
---
--- Errors: "EBADF".
---
--- See: slide "socket_modes".
---@param flag boolean
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:setblocking(flag) end

--- Whether calls wait, for ever or for some time.
---
--- Errors: "EBADF".
---
--- See: slide "socket_modes".
---@return boolean? flag false in the non-blocking mode
---@return string? message
---@return net.code? code
function sock:getblocking() end

--- Sets an option by its name in C; the table in src/socket/option.c has all of them, and
--- another name raises. SO_LINGER takes two values: whether, and how many
--- seconds. IP_MULTICAST_IF and IPV6_MULTICAST_IF take an interface, as
--- join_group does.
---
---     sock:setsockopt("SO_REUSEADDR", true)
---
--- Errors: "ENOPROTOOPT", "EINVAL" the kernel does not take it here, "ENODEV".
---
--- See: setsockopt(2), socket(7), tcp(7), ip(7), slide "modify_buff_size".
---@param name string "SO_SNDBUF"
---@param value integer|boolean|string? a string or nil: an interface
---@param seconds? integer of SO_LINGER
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:setsockopt(name, value, seconds) end

--- The kernel's value of an option. Linux doubles SO_SNDBUF and SO_RCVBUF.
--- SO_PEERCRED (Linux) has three, of the process at the other end of a UNIX
--- socket: its pid, its uid and its gid. IP_MULTICAST_IF is the address by
--- which it was set, or "0.0.0.0".
---
--- Errors: "ENOPROTOOPT", "ENOTCONN" no process is known for SO_PEERCRED.
---
--- See: getsockopt(2), socket(7), tcp(7), ip(7), slide "modify_buff_size".
---@param name string "SO_SNDBUF"
---@return integer|string? value of SO_LINGER: whether, 0 or 1
---@return integer|string? seconds of SO_LINGER, the uid; or the message
---@return integer|net.code? gid of SO_PEERCRED; or the code
function sock:getsockopt(name) end

--- What the kernel knows of the socket at this moment.
---
---     print(sock:info().rtt * 1e3 .. " ms")
---
--- Errors: "EBADF".
---
--- See: tcp(7), netstat(8), ss(8).
---@return net.info? info
---@return string? message
---@return net.code? code
function sock:info() end

--- What sock:info says. A listener has no queues of bytes; all but these is of
--- TCP only, and of systems with TCP_INFO (Linux).
---@class net.info
---@field recv_queue integer? bytes that nobody received; the next datagram's
---@field send_queue integer? bytes not taken; not of TCP: the kernel's memory
---@field state string? "ESTABLISHED", as netstat writes it
---@field accept_queue integer? of a listener: connections that wait for accept
---@field backlog integer? of a listener: the most of them there can be
---@field rtt number? the smoothed round-trip time, in seconds
---@field rttvar number? its mean deviation, in seconds
---@field rto number? after which a segment is sent again, in seconds
---@field snd_cwnd integer? the congestion window, in segments
---@field snd_ssthresh number? where slow start ends; math.huge: nowhere yet
---@field snd_mss integer? bytes of a segment that we send
---@field rcv_mss integer? bytes of a segment that we receive
---@field pmtu integer? bytes of a packet on the path
---@field unacked integer? segments under way
---@field lost integer? segments held for lost
---@field retrans integer? segments sent again that are under way
---@field total_retrans integer? segments sent again in all
---@field bytes_acked integer? sent and acknowledged (SYN and FIN count as one)
---@field bytes_received integer? of the stream

--- Has a datagram socket receive what is sent to a multicast address, and to
--- the port that it is bound to. Raises for what is no multicast address of the
--- socket's family.
---
---     sock:join_group("239.1.2.3", "eth0")
---
--- Errors: "EADDRINUSE" it is in the group, "ENODEV" there is no such
--- interface.
---
--- See: ip(7), ipv6(7), RFC 3493 section 5.2.
---@param group string a numeric address: "239.1.2.3", "ff15::77"
---@param interface? string|integer name, index, or own IPv4 address; by route
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:join_group(group, interface) end

--- Ends what join_group has begun, with the same arguments.
---
--- Errors: "EADDRNOTAVAIL" it is not in the group, "ENODEV".
---
--- See: ip(7), ipv6(7), RFC 3493 section 5.2.
---@param group string
---@param interface? string|integer
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:leave_group(group, interface) end

--- The socket's own address.
---
--- Errors: "EBADF".
---
--- See: getsockname(2).
---@return string? host or a UNIX socket's path
---@return integer|string? port or the message
---@return net.code? code
function sock:getsockname() end

--- The peer's address.
---
--- Errors: "ENOTCONN" it has none.
---
--- See: getpeername(2).
---@return string? host or a UNIX socket's path
---@return integer|string? port or the message
---@return net.code? code
function sock:getpeername() end

--- The number of the descriptor.
---
--- Errors: "EBADF".
---
--- See: fileno(3).
---@return integer? fd
---@return string? message
---@return net.code? code
function sock:fileno() end

--- Waits until a call that reads one of the readers, or writes to one of the
--- writers, would not have to wait (it may fail instead), and gives these, in
--- the order given; when the time is up, two empty lists. Other tasks may use
--- the sockets meanwhile.
---
--- Errors: "EBADF", "ECANCELED" one was closed while the call waited, "EBUSY"
--- one is being served by sock:echo, "EMFILE" no descriptor is left to wait
--- with, "ETIMEDOUT" a net.deadline came first.
---
--- See: select(2).
---@param readers net.socket[]? any number of them
---@param writers net.socket[]?
---@param timeout? number seconds: nil for ever, 0 not at all
---@return net.socket[]? readable
---@return net.socket[]|string? writable or the message
---@return net.code? code
function net.select(readers, writers, timeout) end

-- # Buffers

--- Bytes to receive into and to send from again and again, so that a bulk loop
--- makes no string. #buffer is its size, tostring(buffer) a string of it all.
---@class net.buffer
---@operator len:integer
local buffer = {}

--- Makes a buffer, for sock:recv_into, sock:send and sock:sendall. Its bytes
--- are 0 at first.
---
--- See: recv(2).
---@param size integer 1 to 2^30 bytes
---@return net.buffer buffer
function net.buffer(size) end

--- A part of it, as a string.
---
--- See: string.sub.
---@param first? integer its first byte, as in string.sub; 1
---@param last? integer its last byte; the end
---@return string bytes
function buffer:sub(first, last) end

--- Copies a text into it; raises if it does not fit.
---
--- See: memcpy(3).
---@param text string
---@param first? integer the byte where it begins; 1
---@return net.buffer buffer
function buffer:put(text, first) end

-- # Engines

--- What sock:echo may be told.
---@class net.echo.options
--- Ends each connection after one message, or all of it after one datagram.
---@field once? boolean
--- Is told a message: what one recv(2) gave, or a datagram that is answered.
--- No observer may wait.
---@field on_message? fun(data: string, host: string, port: integer)
---@field on_connect? fun(host: string, port: integer)
---@field on_close? fun(host: string, port: integer)
---@field idle_timeout? number seconds; then a silent connection is closed
---@field max_connections? integer at one time; more see a close
--- Threads, 1 to 256. They share the socket, unless it has SO_REUSEPORT: then
--- each has one of its own. Observers need 1, the default.
---@field workers? integer
---@field totals? net.echo.totals a table to fill, however the call ends

--- What sock:echo has done.
---@class net.echo.totals
---@field connections integer
---@field messages integer
---@field bytes integer received
---@field refused integer connections or datagrams that were not served
---@field errors integer
---@field seconds number

--- Serves a listening stream socket, or a bound datagram socket, by the echo
--- loop in C, until the socket is closed, the task is cancelled or Ctrl-C is
--- pressed. Other calls that read or write the socket give "EBUSY" meanwhile.
--- Nothing more is read from a peer that does not read. A datagram from a port
--- below 1024, or from our own port number, is not answered, so that no forged
--- sender makes two servers answer each other for ever.
---
--- The options of the socket stay as they are. But while a datagram socket is
--- served it is blocking, and has an SO_RCVTIMEO: a process that shares the
--- socket sees that.
---
--- Errors: "EINVAL" it does not listen, or is not bound, "ESHUTDOWN" a datagram
--- socket that reads no more, "EMFILE", "EBUSY".
---
--- See: RFC 862, slides "echo_server and echo_client by TCP" and "by UDP".
---@param options? net.echo.options
---@return net.echo.totals? totals
---@return string? message
---@return net.code? code
function sock:echo(options) end

--- What net.load does, and to whom. Only the port (or the path) is needed.
---@class net.load.options
---@field port? integer|string the server's
---@field host? string "localhost" unless given
---@field path? string of a UNIX socket, instead of host and port
---@field family? "inet"|"inet6"|"unix" "inet" unless given
---@field type? "stream"|"dgram" "stream" unless given
---@field connections? integer 1 to 100000; 1. They are open when time begins
---@field size? integer bytes of a message; 64. A datagram has at least 12
---@field depth? integer messages on their way on each connection; 1
---@field seconds? number 2, unless there are messages
---@field messages? integer how many are sent; a lost one is not sent again
--- Messages a second in all, each due at its time, and its latency counted from
--- then; without it, an answer starts the next message.
---@field rate? number
---@field churn? boolean true: a connection for each message
---@field verify? boolean false: the answers are not compared
--- Seconds after which a datagram is lost, and a connect has failed; 1.
---@field timeout? number
--- Is called every `interval` seconds with a report so far; it must not wait.
---@field on_progress? fun(report: net.load.report)
---@field interval? number seconds; 0.25

--- What net.load has measured.
---@class net.load.report
---@field messages integer answered
---@field bytes integer received
---@field seconds number
---@field connections integer
---@field lost integer messages that were not answered
---@field late integer datagrams answered after the timeout
---@field corrupt integer answers that were not what was sent
---@field rate number messages a second
---@field throughput number bytes a second
---@field errors table<net.code,integer> how many of each
---@field latency net.load.latency
---@field histogram net.histogram of the latencies
---@field interrupted boolean it was Ctrl-C that ended the run

--- Latencies, in seconds; p99 is what 99 in a hundred did not exceed.
---@class net.load.latency
---@field min number
---@field mean number
---@field stdev number
---@field p50 number
---@field p75 number
---@field p90 number
---@field p99 number
---@field p999 number
---@field p9999 number
---@field max number

--- Sends messages to an echo server, from a thread of its own, compares what
--- comes back and measures how long it took, until the time is up, the messages
--- are done, the task is cancelled or Ctrl-C is pressed. A connection that
--- fails is opened again; where none could be opened at all, the run ends at
--- once.
---
---     print(net.load({ port = 9900, seconds = 1 }).rate)
---
--- Errors: "EAI_NONAME" the host's name is not known, "EAI_AGAIN", "EMFILE".
---
--- See: RFC 862.
---@param options net.load.options
---@return net.load.report? report
---@return string? message
---@return net.code? code
function net.load(options) end

--- A histogram of latencies, from net.load. It never changes.
---@class net.histogram
local histogram = {}

--- How many latencies it holds.
---
--- See: net.load.
---@return integer count
function histogram:count() end

--- The latency that p in a hundred did not exceed.
---
--- See: net.load.
---@param p number 0 to 100
---@return number seconds
function histogram:percentile(p) end

--- How many latencies are from one round number to the next, six of them to a
--- decade: the rows of a picture, from the least latency to the greatest.
---
--- See: net.plot.
---@return net.histogram.bucket[] buckets
function histogram:buckets() end

--- A row of histogram:buckets.
---@class net.histogram.bucket
---@field from number seconds
---@field to number seconds
---@field count integer

--- HdrHistogram's table of percentiles, in milliseconds: what its plotters
--- read.
---
--- See: hdrhistogram.org.
---@return string text
function histogram:text() end

-- # Tasks
--
-- A task is a function that runs by turns with the others, whenever the code
-- that runs waits. The script is the first one in netlab; in plain Lua its
-- waits turn the loop. A task in a <close> variable is cancelled at the end of
-- the variable's block.

--- A task, from net.spawn.
---@class net.task
local task = {}

--- Starts f(...) as a task. An error in it is printed, with its traceback, and
--- makes netlab's exit status 1 (of lua5.4 it does not), unless somebody is
--- waiting in task:join.
---
--- See: coroutine.create.
---@param f function
---@param ... any its arguments
---@return net.task task
function net.spawn(f, ...) end

--- Waits until the task has ended. The error that ended it is raised here.
---
--- Errors: "ECANCELED" it was cancelled, "ETIMEDOUT" a net.deadline came first.
---
--- See: pthread_join(3).
---@return any ... the results of the task's function
function task:join() end

--- Ends a task that waits: its <close> variables are closed, and it is never
--- resumed. Raises what a __close raises. Harmless on one that has ended.
---
--- See: coroutine.close.
---@return true cancelled
function task:cancel() end

--- Waits that long, never less. 0 lets each of the others run once.
---
--- Errors: "ETIMEDOUT" a net.deadline came first.
---
--- See: sleep(3).
---@param seconds number
---@return true? done
---@return string? message
---@return net.code? code
function net.sleep(seconds) end

--- The results of f(...). All calls that f makes share this one time, besides
--- their own time-outs: when it is up, a call that would wait fails with
--- "ETIMEDOUT", sock:echo gives its totals, and net.load its report. Of two
--- deadlines, one within the other, the first to pass counts. Tasks that f
--- spawns are not bound by it. Raises f's errors.
---
--- See: timeout(1).
---@param seconds number
---@param f function
---@param ... any its arguments
---@return any ... the results of f
function net.deadline(seconds, f, ...) end

--- Waits until every other task has ended (or waits in net.run as well). Plain
--- lua5.4 needs it at the end of a script that spawned tasks; netlab waits for
--- them anyway.
---
--- Errors: "ETIMEDOUT" a net.deadline came first.
---
--- See: net.spawn.
---@return true? done
---@return string? message
---@return net.code? code
function net.run() end

--- The monotonic clock, to measure how long something takes. Its zero is
--- arbitrary.
---
--- See: clock_gettime(2).
---@return number seconds
function net.now() end

--- The time of day: seconds since the Epoch, with microseconds.
---
--- See: gettimeofday(2), slide "print_machine_time".
---@return number seconds
function net.time() end

--- What this process has had of the kernel, since it began.
---@class net.usage
---@field utime number CPU in the program itself, in seconds
---@field stime number CPU in the kernel, in seconds
---@field maxrss integer the most memory that it held at one time, in bytes
--- How often it gave up the CPU, to wait: voluntary context switches.
---@field nvcsw integer
---@field nivcsw integer how often another one was given its CPU
--- System calls that this module made; an echo engine's are added when it has
--- ended. Those of the C library (a lookup's, print's) are not among them.
---@field calls integer
---@field received integer bytes that recv and its like were given
---@field sent integer bytes that send and its like had taken

--- What this process has had of the kernel: CPU, memory, context switches, and
--- the system calls and bytes of this module.
---
--- See: getrusage(2).
---@return net.usage usage
function net.getrusage() end

-- # Coroutines that may wait
--
-- net.coroutine is Lua's coroutine library, except that in a coroutine which it
-- has made or resumed a call may wait: the wait is passed up to the task. So a
-- generator can read from a socket. In netlab it has taken the place of Lua's.

net.coroutine = {}

--- A coroutine with f as its body.
---
--- See: coroutine.create, Lua 5.4 reference manual, 6.2.
---@param f function
---@return thread co
function net.coroutine.create(f) end

--- A function that resumes a coroutine with f as its body, and raises what is
--- raised in it.
---
--- See: coroutine.wrap, Lua 5.4 reference manual, 6.2.
---@param f function
---@return function next
function net.coroutine.wrap(f) end

--- Starts or continues a coroutine. It cannot be resumed while it waits in
--- another task.
---
--- See: coroutine.resume, Lua 5.4 reference manual, 6.2.
---@param co thread
---@param ... any its arguments, or what its yield returns
---@return boolean done false: it has failed
---@return any ... what it yields or returns, or its error
function net.coroutine.resume(co, ...) end

--- Gives values to who resumed the coroutine; in a task itself, lets the others
--- run.
---
--- See: coroutine.yield, Lua 5.4 reference manual, 6.2.
---@param ... any
---@return any ... what the next resume passes
function net.coroutine.yield(...) end

--- "running", "suspended", "dead", or "normal": it has resumed another one, or
--- waits in another task.
---
--- See: coroutine.status, Lua 5.4 reference manual, 6.2.
---@param co thread
---@return string status
function net.coroutine.status(co) end

--- Ends a coroutine that is suspended: its <close> variables are closed. Raises
--- while it waits in a task, which task:cancel ends together with it.
---
--- See: coroutine.close, Lua 5.4 reference manual, 6.2.
---@param co thread
---@return boolean done false: it has failed, or a __close has
---@return any error
function net.coroutine.close(co) end

--- The coroutine that runs.
---
--- See: coroutine.running, Lua 5.4 reference manual, 6.2.
---@return thread co
---@return boolean main it is Lua's main thread
function net.coroutine.running() end

--- Can it yield?
---
--- See: coroutine.isyieldable, Lua 5.4 reference manual, 6.2.
---@param co? thread the running one unless given
---@return boolean yieldable
function net.coroutine.isyieldable(co) end

return net
