# SPDX-License-Identifier: MIT
# Python's socket module as a peer like luasocket.lua.
import os, socket, sys

kind, role, address = sys.argv[1:]
ip = kind in ("tcp", "udp")
stream = kind in ("tcp", "unix")
name = ("127.0.0.1", int(address)) if ip else address
sock = socket.socket(socket.AF_INET if ip else socket.AF_UNIX,
                     socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)


def receive_all(s):
    data = b""
    while chunk := s.recv(65536):
        data += chunk
    return data


def server():
    sock.bind(name)
    if stream:
        sock.listen(32)
    print("ready", flush=True)
    while stream:
        client, _ = sock.accept()
        with client:
            client.sendall(receive_all(client))
    while True:
        data, sender = sock.recvfrom(65536)
        sock.sendto(data, sender)


def client():
    data = sys.stdin.buffer.read()
    sock.settimeout(10)
    if stream:
        sock.connect(name)
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        answer = receive_all(sock)
    else:
        if not ip:
            sock.bind("%s.client.%d" % (address, os.getpid()))
        sock.sendto(data, name)
        answer = sock.recv(65536)
    sys.stdout.buffer.write(answer)


server() if role == "server" else client()
