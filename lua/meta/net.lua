-- SPDX-License-Identifier: MIT
---@meta net
--
-- The reference of the module net, for editors that read Lua annotations, for
-- the man page net(3lua) and for you. None of this code is ever run.
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
-- A tag is one line; its type has no space outside of fun(). A function that
-- can fail has message and code as its second and third result. If these are
-- something else on success, their text ends with "or the message" and "or the
-- code"; the text of a result that only a failure has begins with "if it
-- failed: ". The text of a field is after it or, if it is long, above it. A
-- line `-- # Title` begins a part of the reference, and the comment below is
-- its text. tests/spec/project/reference_spec.lua compares all this with the
-- loaded module and with the table in lua/README.md.

--- Sockets with the names of the BSD socket API, tasks that wait in
--- straight-line code, and echo engines in C. The program netlab contains the
--- module; for plain Lua 5.4 it is a shared library.
---@class net
---@field _VERSION string the version of netlab: "0.1.0"
local net = {}

-- # Values
--
-- Sizes are in bytes, and times in seconds, with fractions. A port is an
-- integer in host byte order, 0 to 65535, or the name of a service in
-- services(5), such as "http". An address is two values, host and port; the
-- address of a UNIX socket is one, its path (on Linux, an abstract name begins
-- with a NUL byte). In the text of a parameter or a field, a value after a
-- semicolon is the default.
--
-- Errors of the network are returned:
--
--   nil, "connect 127.0.0.1:9: connection refused (ECONNREFUSED)",
--   "ECONNREFUSED"
--
-- so assert(sock:connect(host, port)) stops with that message. Mistakes of the
-- caller (a wrong type, an invalid port, an unknown option) raise an error at
-- the caller's line, before any system call.
--
-- While a call waits, other tasks run. A call raises an error where it cannot
-- wait: in table.sort, string.gsub, tostring, require or a finalizer, and in a
-- coroutine that net.coroutine neither made nor resumed. No data is lost: what
-- arrived before a timeout can still be read.

--- The symbolic name of an error: of errno(3), of getaddrinfo(3), or "EOF".
---@alias net.code
---| "EOF" # the end of the stream: the peer sends no more
---| "EAGAIN" # the socket is non-blocking, and the call would have to wait
---| "ETIMEDOUT" # the timeout expired, or the peer does not answer
---| "ECANCELED" # the socket was closed while the call waited
---| "EBUSY" # another call in the same direction is under way
---| "EBADF" # the socket is closed
---| "EINVAL" # the call makes no sense on this socket
---| "ENODEV" # there is no such network interface
---| "EMFILE" # the process has no descriptor left
---| "ENFILE" # the system has no descriptor left
---| "ENOBUFS" # the kernel has no buffer left
---| "ENOMEM" # the kernel has no memory left
---| "EACCES" # not permitted: a port below 1024, a broadcast address, a path
---| "EADDRINUSE" # another socket has that address
---| "EADDRNOTAVAIL" # this machine does not have that address
---| "EINPROGRESS" # a non-blocking connect has begun
---| "EALREADY" # a connect is under way already
---| "ECONNREFUSED" # nobody listens there
---| "ECONNRESET" # the peer has reset the connection
---| "EHOSTUNREACH" # that host cannot be reached
---| "ENETUNREACH" # there is no route to that network
---| "ENOTCONN" # the socket is not connected
---| "EPIPE" # the peer reads no more, or this side was shut down
---| "ESHUTDOWN" # the socket was shut down before
---| "EMSGSIZE" # a datagram or a line is too long
---| "ENOTSUP" # the kernel does not support it
---| "ENOPROTOOPT" # the socket has no such option
---| "ENOENT" # there is no such entry
---| "EPROTO" # the peer violates the protocol
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

--- The first IPv4 address of a host. "localhost" and a numeric address need no
--- lookup, and "" is "0.0.0.0". Raises an error for a name with a NUL byte or
--- of more than 253 bytes.
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

--- The hints of net.getaddrinfo. By default, it returns the addresses of both
--- families, each of them once for each type.
---@class net.getaddrinfo.hints
---@field family? "inet"|"inet6" only this family
---@field type? "stream"|"dgram" only this type
--- A list of "AI_PASSIVE" "AI_CANONNAME" "AI_NUMERICHOST" "AI_NUMERICSERV"
--- "AI_ADDRCONFIG" "AI_V4MAPPED" "AI_ALL".
---@field flags? string[]

--- An address of a host, for net.socket and sock:connect.
---@class net.getaddrinfo.address
---@field family "inet"|"inet6"
---@field type "stream"|"dgram"
---@field host string
---@field port integer
---@field canonname? string in the first entry, with AI_CANONNAME

--- All addresses of a host, in the order of the resolver. Host and service
--- cannot both be nil.
---
--- Errors: "EAI_NONAME" there is no such name, "EAI_AGAIN" no name server
--- answers now, "EAI_SERVICE" there is no such service, "EAI_BADFLAGS".
---
--- See: getaddrinfo(3), RFC 3493, RFC 6724.
---@param host? string nil: the loopback, or every address with AI_PASSIVE
---@param service? integer|string nil: port 0
---@param hints? net.getaddrinfo.hints
---@return net.getaddrinfo.address[]? list
---@return string? message
---@return net.code? code
function net.getaddrinfo(host, service, hints) end

--- The name of an address of either family.
---
--- Errors: "EAI_NONAME" it has no name, "EAI_AGAIN" no name server answers now,
--- "EINVAL" it is not an address, "ENODEV" there is no such zone.
---
--- See: gethostbyaddr(3), getnameinfo(3).
---@param ip string a numeric address: "127.0.0.1", "fe80::1%eth0"
---@return string? name
---@return string? message
---@return net.code? code
function net.gethostbyaddr(ip) end

--- The options of net.getnameinfo.
---@class net.getnameinfo.options
--- A list of "NI_NUMERICHOST" and "NI_NUMERICSERV" (digits, without a lookup),
--- "NI_NAMEREQD" (a host without a name is an error) and "NI_DGRAM" (a service
--- of UDP).
---@field flags? string[]

--- The host name and the service of an address of either family. A host or a
--- service without a name is returned as digits.
---
--- Errors: "EAI_NONAME" it has no name, "EAI_AGAIN" no name server answers now,
--- "EINVAL" the host is not an address, "ENODEV" there is no such zone.
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
---@param proto? "tcp"|"udp" "tcp" by default
---@return integer? port in host byte order
---@return string? message
---@return net.code? code
function net.getservbyname(name, proto) end

--- The name of the service at a port: "http" for 80.
---
--- Errors: "ENOENT" services(5) has none.
---
--- See: getservbyport(3), slide "finding_service_name".
---@param port integer in host byte order
---@param proto? "tcp"|"udp" "tcp" by default
---@return string? name
---@return string? message
---@return net.code? code
function net.getservbyport(port, proto) end

--- Converts a port that a user typed, digits or the name of a service. Can be
--- used as argparse's convert.
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
---@field mac string "02:42:ac:11:00:02"; zeros if there is none
---@field internal boolean true: the loopback
---@field scope? integer the id of its zone

--- The addresses of this machine: an entry for each address of each interface
--- that is up and running (with its cable plugged in).
---
--- Errors: "EMFILE" the process has no descriptor left.
---
--- See: getifaddrs(3).
---@return net.interface[]? interfaces
---@return string? message
---@return net.code? code
function net.interfaces() end

-- # Addresses

--- The four bytes of an IPv4 address, as they are sent.
---
--- Errors: "EINVAL" the text is not an IPv4 address.
---
--- See: inet_aton(3), slide "ip4_address_conversion".
---@param text string "127.0.0.1"
---@return string? bytes 4 of them, in network byte order
---@return string? message
---@return net.code? code
function net.inet_aton(text) end

--- The text of an IPv4 address, from its four bytes. Raises an error for any
--- other number of bytes.
---
--- See: inet_ntoa(3), slide "ip4_address_conversion".
---@param bytes string 4 of them, in network byte order
---@return string text "127.0.0.1"
function net.inet_ntoa(bytes) end

--- The bytes of an address of either family, as they are sent. An IPv6 address
--- may name its zone, "fe80::1%eth0"; then the id of the zone is the second
--- result.
---
--- Errors: "EINVAL" the text is not an address of that family, "ENODEV" there
--- is no such zone.
---
--- See: inet_pton(3), RFC 4007.
---@param family "inet"|"inet6"
---@param text string
---@return string? bytes 4 or 16 of them, in network byte order
---@return integer|string? scope the id of the zone, or nil; or the message
---@return net.code? code
function net.inet_pton(family, text) end

--- The text of an address, from its 4 ("inet") or 16 ("inet6") bytes. Raises an
--- error for any other number of bytes. A zone is written as the name of its
--- interface, or as a number if there is no such interface.
---
--- See: inet_ntop(3), RFC 4007.
---@param family "inet"|"inet6"
---@param bytes string 4 or 16 of them, in network byte order
---@param scope? integer the id of the zone of an IPv6 address; 0 is none
---@return string text "127.0.0.1", "fe80::1%eth0"
function net.inet_ntop(family, bytes, scope) end

--- Converts 32 bits from host to network byte order. Raises an error for a
--- larger or negative number.
---
--- See: byteorder(3), slide "integer_conversion".
---@param n integer 0 to 4294967295
---@return integer n
function net.htonl(n) end

--- Converts 32 bits from network to host byte order. Raises an error for a
--- larger or negative number.
---
--- See: byteorder(3), slide "integer_conversion".
---@param n integer 0 to 4294967295
---@return integer n
function net.ntohl(n) end

--- Converts 16 bits from host to network byte order. Raises an error for a
--- larger or negative number.
---
--- See: byteorder(3), slide "integer_conversion".
---@param n integer 0 to 65535
---@return integer n
function net.htons(n) end

--- Converts 16 bits from network to host byte order. Raises an error for a
--- larger or negative number.
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

--- The bytes of hexadecimal digits, which may be capitals.
---
--- Errors: "EINVAL" the text does not have two hexadecimal digits for each
--- byte.
---
--- See: net.hexlify.
---@param text string "7f000001"
---@return string? bytes
---@return string? message
---@return net.code? code
function net.unhexlify(text) end

--- Makes received bytes safe to print: every byte that is not printable ASCII
--- becomes \xNN, as in Python's bytes literals, and a backslash \\.
---
--- See: ascii(7).
---@param bytes string
---@return string text
function net.escape(bytes) end

-- # Sockets
--
-- Each method returns the result of its system call, or the socket itself; or
-- nil, message, code. For every method, "EBADF" means that the socket is
-- closed, "ECANCELED" that it was closed while the call waited, and "EBUSY"
-- that another call in the same direction is under way, or that an engine uses
-- the socket. A call waits as long as settimeout allows, and then fails with
-- "ETIMEDOUT" or, in non-blocking mode, with "EAGAIN". A socket in a <close>
-- variable is closed at the end of the block.

--- A socket, from net.socket or accept.
---@class net.socket
local sock = {}

--- Makes a socket. It blocks, and child processes do not inherit it.
---
--- Errors: "EMFILE" the process has no descriptor left.
---
--- See: socket(2).
---@param family? "inet"|"inet6"|"unix" "inet" by default
---@param type? "stream"|"dgram" "stream" by default
---@return net.socket? sock
---@return string? message
---@return net.code? code
function net.socket(family, type) end

--- Makes two sockets that are connected to each other.
---
--- Errors: "ENOTSUP" the kernel supports UNIX sockets only, "EMFILE".
---
--- See: socketpair(2), unix(7).
---@param family? "inet"|"inet6"|"unix" "unix" by default
---@param type? "stream"|"dgram" "stream" by default
---@return net.socket? first
---@return net.socket|string? second or the message
---@return net.code? code
function net.socketpair(family, type) end

--- The options of net.connect.
---@class net.connect.options
---@field timeout? number seconds in all, with the lookup; no limit by default
---@field family? "inet"|"inet6" only addresses of this family
---@field nodelay? boolean true: sets TCP_NODELAY, for small requests
---@field local_host? string the numeric address of this machine to use
---@field local_port? integer the port to use; 0: the kernel picks one

--- An attempt of net.connect.
---@class net.connect.attempt
---@field host string
---@field port integer
---@field seconds number how long it took
---@field error? string the message, if it failed
---@field code? net.code "ECANCELED": another attempt was faster

--- Connects a stream to the first address of a host that answers. Tries all
--- addresses, IPv6 and IPv4 in turn and otherwise in the order of the resolver,
--- each 250 ms after the previous one or as soon as that has failed. When one
--- connects, the other attempts are closed. "localhost" is ::1 and 127.0.0.1.
--- The socket has no timeout.
---
---     local sock <close> = assert(net.connect("www.lua.org", 80))
---
--- Errors: "ECONNREFUSED", "ENETUNREACH", "ETIMEDOUT", "EADDRNOTAVAIL",
--- "EAI_NONAME", "EAI_AGAIN", "EMFILE". The code is that of the last attempt;
--- the message lists all attempts.
---
--- See: connect(2), RFC 8305.
---@param host string a name or an address
---@param port integer|string
---@param options? net.connect.options
---@return net.socket? sock
---@return net.connect.attempt[]|string? attempts or the message
---@return net.code? code
---@return net.connect.attempt[]? attempts if it failed: those that had begun
function net.connect(host, port, options) end

--- The options of net.listen.
---@class net.listen.options
---@field backlog? integer connections that may wait for accept; 128
--- SO_REUSEADDR, so that a server can start again at once; true.
---@field reuseaddr? boolean
---@field reuseport? boolean SO_REUSEPORT: several sockets share a port; false
--- The socket accepts IPv6 and IPv4 (IPV6_V6ONLY is off), and "" is every
--- address of both; false.
---@field dual_stack? boolean

--- Makes a stream socket that listens: socket, bind and listen in one call. It
--- has no timeout. "localhost" is 127.0.0.1; another name stands for its first
--- address that can be bound. Waits only to look up a name.
---
--- Errors: "EADDRINUSE", "EADDRNOTAVAIL", "EACCES", "EAI_NONAME", "EAI_AGAIN",
--- "EMFILE". The message names the address.
---
--- See: listen(2), socket(7), ipv6(7), slide "reuse_socket_address".
---@param host string "" is every local IPv4 address
---@param port integer|string 0: the kernel picks one
---@param options? net.listen.options
---@return net.socket? sock
---@return string? message
---@return net.code? code
function net.listen(host, port, options) end

--- Gives the socket an address of this machine. Waits only to look up a name.
---
--- Errors: "EADDRINUSE", "EADDRNOTAVAIL", "EACCES", "EINVAL" it is already
--- bound, "EAI_NONAME".
---
--- See: bind(2), slide "reuse_socket_address".
---@param host string "" is every local address; or a UNIX socket's path
---@param port? integer|string 0: the kernel picks one
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:bind(host, port) end

--- Makes the kernel take connections, which accept returns.
---
--- Errors: "EADDRINUSE" another socket listens there.
---
--- See: listen(2).
---@param backlog? integer connections that may wait for accept; 128
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:listen(backlog) end

--- Waits for a client. The new socket blocks and has no timeout. If the
--- process has no descriptor left, the call closes the client's connection and
--- goes on to wait; if the system has none, or no memory, it tries again ten
--- times a second. On a non-blocking socket it returns the error after it has
--- closed one connection.
---
--- Errors: "EAGAIN", "ETIMEDOUT"; non-blocking: "EMFILE", "ENFILE", "ENOBUFS",
--- "ENOMEM".
---
--- See: accept(2), slide "socket_modes".
---@return net.socket? client
---@return string? host of the client, or its path; or the message
---@return integer|net.code? port of the client; or the code
function sock:accept() end

--- Connects to a peer. A datagram socket then sends to this peer and receives
--- from no other.
---
--- Errors: "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH",
--- "EAI_NONAME", "EAI_AGAIN"; non-blocking: "EINPROGRESS" (the socket becomes
--- writable when it is connected) and, until then, "EALREADY".
---
--- See: connect(2), slide "socket_errors".
---@param host string a name or an address; or a UNIX socket's path
---@param port? integer|string
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:connect(host, port) end

--- Ends one direction of a connection, or both. After "SHUT_WR" the peer reads
--- the end of the stream, and this side can still receive.
---
--- Errors: "ENOTCONN" the socket is not connected, "EBUSY" sock:echo serves it.
---
--- See: shutdown(2).
---@param how "SHUT_RD"|"SHUT_WR"|"SHUT_RDWR"
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:shutdown(how) end

--- Closes the socket. Never waits, and may be called again. Calls that wait on
--- the socket fail with "ECANCELED".
---
--- See: close(2).
---@return true closed
function sock:close() end

--- Waits for data, and receives what is there. On a datagram socket it receives
--- one datagram, truncated to size; an empty datagram is "". With "MSG_PEEK",
--- the next call receives the same bytes again.
---
--- Errors: "EOF" the peer sends no more, "EAGAIN", "ETIMEDOUT", "ECONNRESET".
---
--- See: recv(2), slide "echo_server and echo_client by TCP".
---@param size integer 1 to 2^30 bytes
---@param flag? "MSG_PEEK"
---@return string? data at most size bytes; "": an empty datagram
---@return boolean|string? cut true: the datagram was longer; or the message
---@return net.code? code
function sock:recv(size, flag) end

--- Receives exactly so many bytes of a stream. What arrived before a failure
--- stays readable.
---
--- Errors: "EOF", "EAGAIN", "ETIMEDOUT", "ECONNRESET".
---
--- See: recv(2).
---@param size integer 1 to 2^30 bytes
---@return string? data size bytes
---@return string? message
---@return net.code? code
function sock:recv_exact(size) end

--- Receives the next line of a stream, without its \n or \r\n. The last line
--- may lack its end, as with io.read.
---
--- Errors: "EMSGSIZE" it is longer than max (and stays readable), "EOF",
--- "EAGAIN", "ETIMEDOUT", "ECONNRESET".
---
--- See: recv(2).
---@param max? integer the longest line, 1 to 2^30 bytes; 65536
---@return string? line
---@return string? message
---@return net.code? code
function sock:recv_line(max) end

--- Receives every byte until the end of the stream, which is not a failure: if
--- there is no more data, the result is "". The timeout is for the whole call.
--- What arrived before a failure stays readable.
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

--- An iterator that calls recv_line until the end of the stream. It raises any
--- other failure, as io.lines does.
---
---     for line in sock:lines() do print(line) end
---
--- See: recv(2).
---@param max? integer the longest line, 1 to 2^30 bytes; 65536
---@return fun():string? next
function sock:lines(max) end

--- Receives into a buffer, as recv does, without making a string.
---
--- Errors: "EOF" the peer sends no more, "EAGAIN", "ETIMEDOUT", "ECONNRESET".
---
--- See: recv(2).
---@param buffer net.buffer
---@param first? integer the first byte to fill, as in string.sub; 1
---@param last? integer the last one; the buffer's end
---@return integer? count of the bytes received; 0: an empty datagram
---@return boolean|string? cut true: the datagram was longer; or the message
---@return net.code? code
function sock:recv_into(buffer, first, last) end

--- Sends what the kernel takes now. On a stream that may be fewer bytes than
--- given; sendall sends all of them.
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
---@return integer? sent if it failed: the bytes that the kernel had taken
function sock:sendall(data, first, last) end

--- Receives one datagram, truncated to size, and its sender. With "MSG_PEEK",
--- the next call receives the same datagram again. (If the sender is a UNIX
--- socket, cut is the result after its path.)
---
--- Errors: "EAGAIN", "ETIMEDOUT".
---
--- See: recvfrom(2), slide "echo_server and echo_client by UDP".
---@param size integer 1 to 2^30 bytes
---@param flag? "MSG_PEEK"
---@return string? data
---@return string? host of the sender, or its path; or the message
---@return integer|net.code? port of the sender; or the code
---@return true? cut the datagram was longer (known on Linux only)
function sock:recvfrom(size, flag) end

--- Sends one datagram.
---
--- Errors: "EMSGSIZE" it is too long, "ECONNREFUSED" an earlier datagram found
--- no socket, "EAI_NONAME", "EAI_AGAIN", "EAGAIN", "ETIMEDOUT".
---
--- See: sendto(2), slide "echo_server and echo_client by UDP".
---@param data string
---@param host string a name or an address; or a UNIX socket's path
---@param port? integer|string
---@return integer? count of the bytes sent
---@return string? message
---@return net.code? code
function sock:sendto(data, host, port) end

--- Sets how long each call may wait: nil for ever (blocking mode, the default),
--- 0 not at all (non-blocking mode: "EAGAIN"), or so many seconds
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

--- The timeout that settimeout has set.
---
--- Errors: "EBADF".
---
--- See: slide "socket_timeout".
---@return number? seconds nil: for ever
---@return string? message
---@return net.code? code
function sock:gettimeout() end

--- The same as settimeout(nil) for true, settimeout(0) for false.
---
--- Errors: "EBADF".
---
--- See: slide "socket_modes".
---@param flag boolean
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:setblocking(flag) end

--- May calls wait, for ever or for some time?
---
--- Errors: "EBADF".
---
--- See: slide "socket_modes".
---@return boolean? flag false in the non-blocking mode
---@return string? message
---@return net.code? code
function sock:getblocking() end

--- Sets an option by its name in C. SO_LINGER takes two values: on or off, and
--- the seconds close may wait. IP_MULTICAST_IF and IPV6_MULTICAST_IF take an
--- interface, as join_group does.
---
---     sock:setsockopt("SO_REUSEADDR", true)
---
--- The names are SO_BROADCAST, SO_KEEPALIVE, SO_LINGER, SO_OOBINLINE,
--- SO_RCVBUF, SO_RCVLOWAT, SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF; TCP_CORK,
--- TCP_DEFER_ACCEPT, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_MAXSEG,
--- TCP_NODELAY, TCP_QUICKACK, TCP_SYNCNT, TCP_USER_TIMEOUT; IP_MULTICAST_IF,
--- IP_MULTICAST_LOOP, IP_MULTICAST_TTL, IP_TOS, IP_TTL; IPV6_MULTICAST_HOPS,
--- IPV6_MULTICAST_IF, IPV6_MULTICAST_LOOP, IPV6_UNICAST_HOPS, IPV6_V6ONLY; and,
--- for getsockopt only, SO_ACCEPTCONN, SO_DOMAIN, SO_ERROR, SO_PEERCRED,
--- SO_PROTOCOL, SO_TYPE. Another name, or one that this system lacks, raises an
--- error.
---
--- Errors: "ENOPROTOOPT", "EINVAL" it cannot be set on this socket, "ENODEV".
---
--- See: setsockopt(2), socket(7), tcp(7), ip(7), slide "modify_buff_size".
---@param name string "SO_SNDBUF"
---@param value integer|boolean|string? a string or nil: an interface
---@param seconds? integer of SO_LINGER
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:setsockopt(name, value, seconds) end

--- Gets an option. Linux doubles SO_SNDBUF and SO_RCVBUF. SO_PEERCRED (Linux)
--- has three values: the pid, the uid and the gid of the process at the other
--- end of a UNIX socket. IP_MULTICAST_IF is the address it was set to, or
--- "0.0.0.0".
---
--- Errors: "ENOPROTOOPT", "ENOTCONN" the process of SO_PEERCRED is not known.
---
--- See: getsockopt(2), socket(7), tcp(7), ip(7), slide "modify_buff_size".
---@param name string "SO_SNDBUF"
---@return integer|string? value of SO_LINGER: 1 on, 0 off
---@return integer|string? seconds of SO_LINGER, the uid; or the message
---@return integer|net.code? gid of SO_PEERCRED; or the code
function sock:getsockopt(name) end

--- What the kernel knows about the socket at this moment.
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

--- The results of sock:info. A listener has no queues of bytes. All other
--- fields are for TCP on systems with TCP_INFO (Linux).
---@class net.info
--- Bytes that can be received; datagrams: of the next one.
---@field recv_queue integer?
--- TCP: bytes not acknowledged; others: kernel memory in use.
---@field send_queue integer?
---@field state string? "ESTABLISHED", as netstat shows it
---@field accept_queue integer? of a listener: connections that wait for accept
---@field backlog integer? of a listener: the limit of accept_queue
---@field rtt number? the smoothed round-trip time, in seconds
---@field rttvar number? its mean deviation, in seconds
---@field rto number? the retransmission timeout, in seconds
---@field snd_cwnd integer? the congestion window, in segments
---@field snd_ssthresh number? segments where slow start ends, or math.huge
---@field snd_mss integer? bytes of a segment that is sent
---@field rcv_mss integer? bytes of a segment that is received
---@field pmtu integer? bytes of a packet on the path
---@field unacked integer? segments under way
---@field lost integer? segments considered lost
---@field retrans integer? retransmitted segments under way
---@field total_retrans integer? retransmitted segments in all
---@field bytes_acked integer? sent and acknowledged (SYN and FIN count as one)
---@field bytes_received integer? of the stream

--- Makes a datagram socket receive what is sent to a multicast address and to
--- the port that the socket is bound to. Without an interface, the kernel's
--- route decides. Raises an error for an address that is not a multicast one of
--- the socket's family.
---
---     sock:join_group("239.1.2.3", "eth0")
---
--- Errors: "EADDRINUSE" it is already in the group, "ENODEV" there is no such
--- interface.
---
--- See: ip(7), ipv6(7), RFC 3493 section 5.2.
---@param group string a numeric address: "239.1.2.3", "ff15::77"
---@param interface? string|integer name, index or IPv4 address
---@return net.socket? sock
---@return string? message
---@return net.code? code
function sock:join_group(group, interface) end

--- Leaves a group; takes the same arguments as join_group.
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
--- Errors: "ENOTCONN" the socket has no peer.
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

--- Waits until one of the readers can be read or one of the writers can be
--- written without waiting (the call may also fail). Returns these in the order
--- given, or two empty lists when the time is up. Other tasks may use the
--- sockets meanwhile.
---
--- Errors: "EBADF", "ECANCELED" one was closed while the call waited, "EBUSY"
--- sock:echo serves one, "EMFILE" there is no descriptor left to wait with,
--- "ETIMEDOUT" a net.deadline passed first.
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

--- Memory to receive into and to send from, so that a loop over bulk data makes
--- no strings. #buffer is its size, tostring(buffer) all of it as a string.
---@class net.buffer
---@operator len:integer
local buffer = {}

--- Makes a buffer for sock:recv_into, sock:send and sock:sendall. Its bytes are
--- 0 at first.
---
--- See: recv(2).
---@param size integer 1 to 2^30 bytes
---@return net.buffer buffer
function net.buffer(size) end

--- A part of the buffer, as a string.
---
--- See: string.sub.
---@param first? integer the first byte, as in string.sub; 1
---@param last? integer the last byte; the end
---@return string bytes
function buffer:sub(first, last) end

--- Copies a text into the buffer. Raises an error if it does not fit.
---
--- See: memcpy(3).
---@param text string
---@param first? integer where the text begins; 1
---@return net.buffer buffer
function buffer:put(text, first) end

-- # Engines

--- The options of sock:echo.
---@class net.echo.options
--- Closes each connection after one message, or returns after one datagram.
---@field once? boolean
--- Called with each message: the bytes of one recv(2), or a datagram that is
--- answered. The functions on_message, on_connect and on_close must not wait.
---@field on_message? fun(data: string, host: string, port: integer)
---@field on_connect? fun(host: string, port: integer)
---@field on_close? fun(host: string, port: integer)
---@field idle_timeout? number seconds before a silent connection is closed
---@field max_connections? integer at one time; further ones are closed
--- Threads, 1 to 256; 1. They share the socket, but if it has SO_REUSEPORT,
--- each has its own. The functions on_message, on_connect and on_close need 1.
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

--- Serves a listening stream socket, or a bound datagram socket, with an echo
--- loop in C, until the socket is closed, the task is cancelled or Ctrl-C is
--- pressed. Other calls that read or write the socket fail with "EBUSY"
--- meanwhile. The engine stops reading from a peer that does not read. It does
--- not answer a datagram from a port below 1024 or from its own port number, so
--- that a forged sender cannot make it answer itself, a system's service or a
--- server on the same port number.
---
--- The options of the socket stay as they are. But while a datagram socket is
--- served, it blocks and has an SO_RCVTIMEO, which a process that shares the
--- socket can see.
---
--- Errors: "EINVAL" it does not listen, or is not bound, "ESHUTDOWN" the
--- datagram socket was shut down for reading, "EMFILE", "EBUSY".
---
--- See: RFC 862, slides "echo_server and echo_client by TCP" and "by UDP".
---@param options? net.echo.options
---@return net.echo.totals? totals
---@return string? message
---@return net.code? code
function sock:echo(options) end

--- The options of net.load. Only the port, or the path, is required.
---@class net.load.options
---@field port? integer|string of the server
---@field host? string "localhost" by default
---@field path? string of a UNIX socket, instead of host and port
---@field family? "inet"|"inet6"|"unix" "inet" by default
---@field type? "stream"|"dgram" "stream" by default
---@field connections? integer 1 to 100000; 1. They are opened before the start
---@field size? integer bytes of a message; 64. At least 12 for datagrams
---@field depth? integer messages under way on each connection; 1
---@field seconds? number how long it sends; 2, unless messages is given
---@field messages? integer how many it sends; lost ones are not sent again
--- Messages a second in all. Each is due at its own time, from which its
--- latency is counted. Without a rate, each answer starts the next message.
---@field rate? number
---@field churn? boolean true: a new connection for each message
---@field verify? boolean false: answers are not compared with messages
--- Seconds after which a datagram counts as lost, and a connect has failed; 1.
---@field timeout? number
--- Called every `interval` seconds with the report so far. Must not wait.
---@field on_progress? fun(report: net.load.report)
---@field interval? number seconds; 0.25

--- The results of net.load.
---@class net.load.report
---@field messages integer answered
---@field bytes integer received
---@field seconds number
---@field connections integer
---@field lost integer messages that were not answered
---@field late integer datagrams answered after the timeout
---@field corrupt integer answers that differ from what was sent
---@field rate number messages a second
---@field throughput number bytes a second
---@field errors table<net.code,integer> the number of each
---@field latency net.load.latency
---@field histogram net.histogram of the latencies
---@field interrupted boolean Ctrl-C ended the run

--- Latencies in seconds. p99 is the 99th percentile, p999 the 99.9th.
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

--- Sends messages to an echo server from a thread of its own, compares the
--- answers and measures the latencies, until the time is up, all messages are
--- sent, the task is cancelled or Ctrl-C is pressed. A connection that fails is
--- opened again. If no connection can be opened at all, the run ends at once.
---
---     print(net.load({ port = 9900, seconds = 1 }).rate)
---
--- Errors: "EAI_NONAME" there is no such host, "EAI_AGAIN", "EMFILE".
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

--- The number of latencies.
---
--- See: net.load.
---@return integer count
function histogram:count() end

--- The p-th percentile of the latencies.
---
--- See: net.load.
---@param p number 0 to 100
---@return number seconds
function histogram:percentile(p) end

--- The number of latencies between round numbers, six of them to a decade, from
--- the least latency to the greatest: the rows of a picture.
---
--- See: net.plot.
---@return net.histogram.bucket[] buckets
function histogram:buckets() end

--- A row of histogram:buckets.
---@class net.histogram.bucket
---@field from number seconds
---@field to number seconds
---@field count integer

--- The percentiles as a table in the format of HdrHistogram, in milliseconds,
--- for its plotters.
---
--- See: hdrhistogram.org.
---@return string text
function histogram:text() end

-- # Tasks
--
-- A task is a function that runs while the others wait. In netlab, the script
-- is the first task; in plain Lua, tasks run while the script waits. A
-- task in a <close> variable is cancelled at the end of the block.

--- A task, from net.spawn.
---@class net.task
local task = {}

--- Starts f(...) as a task. Its error is printed with a traceback, and makes
--- netlab's (not lua5.4's) exit status 1, unless a task:join waits for it.
---
--- See: coroutine.create.
---@param f function
---@param ... any its arguments
---@return net.task task
function net.spawn(f, ...) end

--- Waits until the task has ended. Raises the error that ended it.
---
--- Errors: "ECANCELED" it was cancelled, "ETIMEDOUT" a net.deadline passed
--- first.
---
--- See: pthread_join(3).
---@return any ... the results of the task's function
function task:join() end

--- Ends a task that waits: closes its <close> variables, and never resumes it.
--- Raises the error of a __close. Does nothing if the task has ended.
---
--- See: coroutine.close.
---@return true cancelled
function task:cancel() end

--- Waits for at least so many seconds. 0 lets every other task run once.
---
--- Errors: "ETIMEDOUT" a net.deadline passed first.
---
--- See: sleep(3).
---@param seconds number
---@return true? done
---@return string? message
---@return net.code? code
function net.sleep(seconds) end

--- Calls f(...) and returns its results. All calls of f share this time, in
--- addition to their own timeouts. When it is up, a call that would wait fails
--- with "ETIMEDOUT", sock:echo returns its totals, and net.load its report. Of
--- nested deadlines, the earliest counts. A deadline does not apply to tasks
--- that f spawns. Raises the errors of f.
---
--- See: timeout(1).
---@param seconds number
---@param f function
---@param ... any its arguments
---@return any ... the results of f
function net.deadline(seconds, f, ...) end

--- Waits until every other task has ended or waits in net.run as well. In plain
--- Lua, a script that has spawned tasks calls it last; netlab waits for tasks
--- anyway.
---
--- Errors: "ETIMEDOUT" a net.deadline passed first.
---
--- See: net.spawn.
---@return true? done
---@return string? message
---@return net.code? code
function net.run() end

--- The time of the monotonic clock, to measure how long something takes. Its
--- zero is arbitrary.
---
--- See: clock_gettime(2).
---@return number seconds
function net.now() end

--- The time of day: seconds since the Epoch, with microseconds.
---
--- See: gettimeofday(2), slide "print_machine_time".
---@return number seconds
function net.time() end

--- The results of net.getrusage, counted since the process began.
---@class net.usage
---@field utime number CPU seconds in the program itself
---@field stime number CPU seconds in the kernel
---@field maxrss integer the largest resident size, in bytes
---@field nvcsw integer voluntary context switches, in which it began to wait
---@field nivcsw integer involuntary ones, in which another process ran instead
--- System calls of this module. Those of an echo engine are added when it ends;
--- those of the C library (in a lookup, in print) do not count.
---@field calls integer
---@field received integer bytes that recv and similar calls have received
---@field sent integer bytes that send and similar calls have sent

--- The resources that this process has used: CPU, memory, context switches, and
--- the system calls and bytes of this module.
---
--- See: getrusage(2).
---@return net.usage usage
function net.getrusage() end

-- # Coroutines that may wait
--
-- net.coroutine is Lua's coroutine library, except that calls may wait in the
-- coroutines that it makes or resumes: it passes the wait up to the task. So a
-- generator can read from a socket. netlab replaces Lua's library with it.

net.coroutine = {}

--- Makes a coroutine with the body f.
---
--- See: coroutine.create, Lua 5.4 reference manual, 6.2.
---@param f function
---@return thread co
function net.coroutine.create(f) end

--- Makes a function that resumes a coroutine with the body f, and raises its
--- errors.
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
---@return boolean done false: it failed
---@return any ... what it yields or returns, or its error
function net.coroutine.resume(co, ...) end

--- Suspends the coroutine, and passes values to the resume. In a task itself,
--- it lets the other tasks run.
---
--- See: coroutine.yield, Lua 5.4 reference manual, 6.2.
---@param ... any
---@return any ... what the next resume passes
function net.coroutine.yield(...) end

--- "running", "suspended", "dead", or "normal": it has resumed another
--- coroutine, or waits in another task.
---
--- See: coroutine.status, Lua 5.4 reference manual, 6.2.
---@param co thread
---@return string status
function net.coroutine.status(co) end

--- Ends a suspended coroutine: closes its <close> variables. Raises an error
--- while it waits in a task; task:cancel ends both.
---
--- See: coroutine.close, Lua 5.4 reference manual, 6.2.
---@param co thread
---@return boolean done false: the coroutine, or a __close, has failed
---@return any error
function net.coroutine.close(co) end

--- The running coroutine.
---
--- See: coroutine.running, Lua 5.4 reference manual, 6.2.
---@return thread co
---@return boolean main true: it is Lua's main thread
function net.coroutine.running() end

--- Can the coroutine yield?
---
--- See: coroutine.isyieldable, Lua 5.4 reference manual, 6.2.
---@param co? thread the running one by default
---@return boolean yieldable
function net.coroutine.isyieldable(co) end

return net
