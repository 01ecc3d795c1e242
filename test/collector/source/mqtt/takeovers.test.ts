import { expect, test } from 'vitest';
import { Takeovers } from '../../../../collector/source/mqtt/takeovers.ts';

test('three reported takeovers are too many, or six suspected ones', () => {
  const reported = new Takeovers();
  for (const expected of [false, false, true]) {
    reported.ended('taken over', 100);
    expect(reported.tooMany).toBe(expected);
  }
  const suspected = new Takeovers();
  for (const expected of [false, false, false, false, false, true]) {
    suspected.ended('silent', 100);
    expect(suspected.tooMany).toBe(expected);
  }
});

test('a broker in trouble is none: it refuses in between, or says why it closes', () => {
  const takeovers = new Takeovers();
  for (let round = 0; round < 20; round++) {
    for (let times = 0; times < 5; times++) takeovers.ended('silent', 100);
    if (round % 2 === 0) takeovers.failed();
    else takeovers.ended('other', 100);
    expect(takeovers.tooMany).toBe(false);
  }
});

test('a connection that lives for a minute ends the row, and the next takeover begins another', () => {
  const takeovers = new Takeovers();
  for (let round = 0; round < 6; round++) takeovers.ended('silent', 100);
  expect(takeovers.tooMany).toBe(true);
  takeovers.ended('silent', 60_000);
  expect(takeovers.tooMany).toBe(false);
  for (let times = 0; times < 4; times++) takeovers.ended('silent', 100);
  expect(takeovers.tooMany).toBe(false);
  takeovers.ended('silent', 100);
  expect(takeovers.tooMany).toBe(true);
});
