import { type AddressInfo, createServer } from 'node:net';

// A program of its own: it listens with the shortest queue, and blocks for so many milliseconds before it
// accepts, so that the system leaves further connections unanswered meanwhile.
const server = createServer((socket) => socket.on('error', () => undefined));
server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
  process.send?.((server.address() as AddressInfo).port, () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(process.argv[2]));
  });
});
