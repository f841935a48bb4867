# SPDX-License-Identifier: MIT
# asyncio's fast way, a Protocol.    run:  python3 aio.py PORT tcp|udp [uvloop]
import asyncio
import socket
import sys


class Tcp(asyncio.Protocol):
    def connection_made(self, transport):
        self.write = transport.write

    def data_received(self, data):
        self.write(data)


class Udp(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.sendto = transport.sendto
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)

    def datagram_received(self, data, addr):
        self.sendto(data, addr)


async def main():
    loop, at = asyncio.get_running_loop(), ("127.0.0.1", int(sys.argv[1]))
    if sys.argv[2] == "udp":
        await loop.create_datagram_endpoint(Udp, local_addr=at)
    else:
        await loop.create_server(Tcp, *at, backlog=1024)
    await asyncio.Event().wait()


if "uvloop" in sys.argv:
    import uvloop
    uvloop.install()
asyncio.run(main())
