import { connect as connectTcp, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { createWebSocketStream, WebSocket } from 'ws';

/** The byte stream to a broker. */
export interface Transport {
  /** Writes, ends, and reports errors. What arrives does not come out of it, but goes to `onBytes`. */
  stream: Duplex;
  /** Stops reading: what arrives stays with the operating system, and beyond its buffers with the broker. */
  pause(): void;
  resume(): void;
}

/**
 * Takes what arrives, as it arrives.
 * @param bytes are overwritten after the call.
 */
export type OnBytes = (bytes: Buffer) => void;

/** Every read goes into the same memory, so that a stream of small packets makes no garbage. */
const READ_BYTES = 256 * 1024;

/** Opens the byte stream to a broker: TCP, TLS or a WebSocket, by the protocol of MQTT_URL. It need not be connected yet. */
export function openTransport(address: string, onBytes: OnBytes): Transport {
  const url = new URL(address);
  // URL writes an IPv6 address in brackets.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback: (length: number, buffer: Uint8Array) => {
      onBytes((buffer as Buffer).subarray(0, length));
      return true;
    },
  };
  switch (url.protocol) {
    case 'ws:':
    case 'wss:':
      return webSocket(url, onBytes);
    case 'mqtts:':
    case 'ssl:':
    case 'tls:': {
      // A server name is for names; for addresses the standard has none [RFC 6066, 3].
      const servername = /[a-z]/i.test(host) && !host.includes(':') ? host : '';
      // TLS sockets take `onread` as well, which their types do not know.
      const options = { host, port: Number(url.port || 8883), servername, onread } as ConnectionOptions;
      return plain(connectTls(options).setNoDelay(true));
    }
    default:
      return plain(connectTcp({ host, port: Number(url.port || 1883), noDelay: true, onread }));
  }
}

function plain(socket: Socket): Transport {
  return { stream: socket, pause: () => socket.pause(), resume: () => socket.resume() };
}

function webSocket(url: URL, onBytes: OnBytes): Transport {
  // The user and the password are MQTT's, not HTTP's.
  url.username = '';
  url.password = '';
  const stream = createWebSocketStream(new WebSocket(url, 'mqtt', { perMessageDeflate: false }));
  stream.on('data', onBytes);
  return { stream, pause: () => stream.pause(), resume: () => stream.resume() };
}
