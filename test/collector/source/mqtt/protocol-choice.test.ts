import { expect, test } from 'vitest';
import { ProtocolChoice } from '../../../../collector/source/mqtt/protocol-choice.ts';

test('a broker that names the version is asked for 3.1.1 at once, and for 5 after the connection', () => {
  const choice = new ProtocolChoice('auto');
  expect(choice.next).toBe(5);
  expect(choice.refused('version')).toBe(true);
  expect(choice.next).toBe(4);
  expect(choice.accepted()).toBe(true);
  choice.ended();
  expect(choice.next).toBe(5);
  expect(choice.accepted()).toBe(true);
  expect(choice.isKnown).toBe(false);
});

test('one silent close is not enough to stay with 3.1.1: 5 is asked for once more', () => {
  const choice = new ProtocolChoice('auto');
  expect(choice.refused('silent')).toBe(true);
  expect(choice.next).toBe(4);
  expect(choice.accepted()).toBe(false);
  expect(choice.next).toBe(5);
  expect(choice.accepted()).toBe(true);
  expect(choice.isKnown).toBe(false);
});

test('two silent closes around a connection with 3.1.1 are, and later one is', () => {
  const choice = new ProtocolChoice('auto');
  choice.refused('silent');
  choice.accepted();
  expect(choice.refused('silent')).toBe(true);
  expect(choice.next).toBe(4);
  expect(choice.accepted()).toBe(true);
  expect(choice.isKnown).toBe(true);
  choice.ended();
  expect(choice.next).toBe(5);
  expect(choice.refused('silent')).toBe(true);
  expect(choice.next).toBe(4);
  expect(choice.accepted()).toBe(true);
});

test('a server that answers neither is asked for 5 again, and not at once', () => {
  const choice = new ProtocolChoice('auto');
  expect(choice.refused('silent')).toBe(true);
  expect(choice.refused('silent')).toBe(false);
  expect(choice.next).toBe(5);
  expect(choice.refused('other')).toBe(false);
  expect(choice.next).toBe(5);
});

test.each([4, 5] as const)('a version that is set is used whatever happens: %i', version => {
  const choice = new ProtocolChoice(version);
  for (const how of ['version', 'silent', 'other'] as const) {
    expect(choice.refused(how)).toBe(false);
    expect(choice.next).toBe(version);
  }
  expect(choice.accepted()).toBe(true);
});
