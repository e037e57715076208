import { expect, it } from 'vitest';
import { utcMs } from '../../electron/contract/model.ts';
import { wouldGo } from './delete-range.ts';

it('says what would go before it goes', () => {
  const [from, to] = [utcMs(Date.UTC(2026, 10, 23, 9)), utcMs(Date.UTC(2026, 10, 23, 9, 6))];
  expect(wouldGo({ from, to, segments: 6, bytes: 12_300_000 }, 'UTC')).toMatch(
    /^6 recordings, 12\.3 MB: .*23.* \(6 min\)\. .*cannot be brought back/,
  );
  expect(wouldGo({ from, to, segments: 1, bytes: 900 }, 'UTC')).toMatch(/^One recording/);
  expect(wouldGo({ from, to: from, segments: 0, bytes: 0 }, 'UTC')).toMatch(/^No finished recording/);
});
