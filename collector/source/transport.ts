import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { createWebSocketStream, WebSocket } from 'ws';

/** Opens the byte stream to a broker: TCP, TLS or a WebSocket, by the protocol of MQTT_URL. It need not be connected yet. */
export function openTransport(address: string): Duplex {
  const url = new URL(address);
  // URL writes an IPv6 address in brackets.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  switch (url.protocol) {
    case 'ws:':
    case 'wss:': {
      // The user and the password are MQTT's, not HTTP's.
      url.username = '';
      url.password = '';
      return createWebSocketStream(new WebSocket(url, 'mqtt', { perMessageDeflate: false }));
    }
    case 'mqtts:':
    case 'ssl:':
    case 'tls:':
      return connectTls({
        host,
        port: Number(url.port || 8883),
        servername: /[a-z]/i.test(host) && !host.includes(':') ? host : '',
      }).setNoDelay(true);
    default:
      return connectTcp({ host, port: Number(url.port || 1883), noDelay: true });
  }
}
