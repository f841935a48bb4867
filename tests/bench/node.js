// SPDX-License-Identifier: MIT
// Node.js.    run:  node node.js PORT tcp|udp
const [port, kind] = process.argv.slice(2);

if (kind === 'udp') {
  const sock = require('dgram').createSocket({
    type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20,
  });
  sock.on('message', (data, from) => sock.send(data, from.port, from.address));
  sock.bind(+port, '127.0.0.1');
} else {
  const server = require('net').createServer((sock) => {
    sock.setNoDelay(true);
    sock.on('data', (data) => sock.write(data));
    sock.on('error', () => sock.destroy());
  });
  server.listen(+port, '127.0.0.1', 1024);
}
