import { expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { FfmpegFeed } from './feed.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('a feed that waits for its next run looks at once when told to, and waits again after that', async () => {
  const clock = new SimulatedClock();
  let looks = 0;
  const feed = new FfmpegFeed({
    name: 'The camera',
    plan: () => {
      looks += 1;
      return Promise.reject(new CodedError('rtsp-refused', 'The camera refuses.'));
    },
    clock,
    log: silentLog,
    onUnit: () => {},
    onStatus: () => {},
  });
  feed.start();
  await turn();
  expect(looks).toBe(1);
  feed.retryNow();
  await turn();
  expect(looks).toBe(2);
  await turn();
  expect(looks).toBe(2);
  // The delays begin anew: the next look is no later than the first delay.
  await clock.advance(500);
  await turn();
  expect(looks).toBe(3);
  await feed.close();
  feed.retryNow();
  await turn();
  expect(looks).toBe(3);
});
