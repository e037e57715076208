import { expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { longTermKey, parseRestUsername, restPassword, restUsername } from './long-term.ts';
import { hasIntegrity, parseStun } from './message.ts';

it('makes the key of the sample request of RFC 5769 with long-term credentials', () => {
  const name = Buffer.from('e3839ee38388e383aae38383e382afe382b9', 'hex').toString('utf8');
  // §2.4; SASLprep makes this password of the one there.
  const key = longTermKey(name, 'example.org', 'TheMatrIX');
  const sample = Buffer.from(
    '000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c662f2f3439396b39353464364f4c' +
      '33346f4c394653547679363473410014000b6578616d706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a28ca89666',
    'hex',
  );
  const message = parseStun(sample);
  expect(message && hasIntegrity(message, key)).toBe(true);
});

it('makes names and passwords of the TURN REST scheme', () => {
  // HMAC-SHA1("north", "1433895918:user"), as openssl says.
  expect(restPassword('north', restUsername(1_433_895_918.9, 'user'))).toBe('/gk4t5tUc08OpM3NjrVjHSFVNmY=');
  expect(parseRestUsername('1433895918:user:more')).toEqual({ expiresS: 1_433_895_918, id: 'user:more' });
  for (const other of ['', ':', '1:', 'x:y', '-1:y', '1234567890123:y', '1:with space', `1:${'x'.repeat(201)}`, '1:\u00e4', '1:y\n']) {
    expect(parseRestUsername(other)).toBeNull();
  }
});

it('reads names through a hundred thousand pieces of noise', () => {
  const random = seededRandom(41);
  for (let round = 0; round < 100_000; round += 1) {
    const text = Array.from({ length: Math.floor(random() * 20) }, () => '0123456789::: az\u0000\u00ff'[Math.floor(random() * 18)]).join(
      '',
    );
    const found = parseRestUsername(text);
    if (found) expect(text).toBe(`${text.split(':')[0]}:${found.id}`);
  }
});
