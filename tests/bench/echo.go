// SPDX-License-Identifier: MIT
//
// Go: a goroutine for each connection.    usage: echo PORT tcp|udp
package main

import (
	"log"
	"net"
	"os"
)

func serve(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 65536)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if _, err = conn.Write(buf[:n]); err != nil {
			return
		}
	}
}

func tcp(at string) {
	listener, err := net.Listen("tcp4", at)
	if err != nil {
		log.Fatal(err)
	}
	for {
		if conn, err := listener.Accept(); err == nil {
			go serve(conn)
		}
	}
}

func udp(at string) {
	addr, err := net.ResolveUDPAddr("udp4", at)
	if err != nil {
		log.Fatal(err)
	}
	sock, err := net.ListenUDP("udp4", addr)
	if err != nil {
		log.Fatal(err)
	}
	sock.SetReadBuffer(4 << 20)
	sock.SetWriteBuffer(4 << 20)
	buf := make([]byte, 65536)
	for {
		if n, from, err := sock.ReadFromUDPAddrPort(buf); err == nil {
			sock.WriteToUDPAddrPort(buf[:n], from)
		}
	}
}

func main() {
	at := "127.0.0.1:" + os.Args[1]
	if os.Args[2] == "udp" {
		udp(at)
	}
	tcp(at)
}
