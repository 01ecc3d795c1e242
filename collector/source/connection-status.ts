import type { BrokerStatus } from './source.ts';

/** How a source stands with its broker, as it comes and goes. */
export class ConnectionStatus {
  present: BrokerStatus = { connected: false, since: now(), reason: 'not connected yet' };
  /** Connections that were made. */
  connections = 0;

  connected(): void {
    this.connections++;
    this.present = { connected: true, since: now() };
  }

  /** @returns whether this is news: it was connected, or away for another reason. */
  away(reason: string): boolean {
    const { connected, since, reason: before } = this.present;
    this.present = { connected: false, since: connected ? now() : since, reason };
    return before !== reason;
  }
}

/** ISO 8601. */
function now(): string {
  return new Date().toISOString();
}
