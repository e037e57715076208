import { describe, expect, it } from 'vitest';
import { utcMs } from '../base/units.ts';
import type { Broadcast } from '../contract/events.ts';
import type { Sink } from './contract-server.ts';
import { Events } from './events.ts';

function slowPage(credit: number) {
  const seen: Broadcast[] = [];
  const sink: Sink<Broadcast> & { credit: number } = {
    credit,
    onCredit: null,
    send(broadcast) {
      sink.credit -= 1;
      seen.push(broadcast);
    },
    end: () => {},
  };
  return { sink, seen };
}

const recorded = (camera: string, from: number, to: number): Broadcast => ({
  kind: 'recording.added',
  camera,
  from: utcMs(from),
  to: utcMs(to),
});

describe('Events (E4)', () => {
  it('replaces what waits by the newer state of the same thing, keeping the whole recorded range', () => {
    const events = new Events();
    const { sink, seen } = slowPage(0);
    events.serve(sink);
    events.emit(recorded('cam-a', 0, 10));
    events.emit(recorded('cam-b', 0, 10));
    events.emit(recorded('cam-a', 10, 20));
    sink.credit = 10;
    sink.onCredit?.();
    expect(seen).toEqual([recorded('cam-a', 0, 20), recorded('cam-b', 0, 10)]);
    expect(events.dropped).toBe(1);
  });

  it('bounds what waits for a page that takes nothing', () => {
    const events = new Events();
    const { sink, seen } = slowPage(0);
    events.serve(sink);
    for (let index = 0; index < 1000; index += 1) events.emit({ kind: 'notice', text: String(index) });
    sink.credit = 1000;
    sink.onCredit?.();
    expect(seen).toHaveLength(256);
    expect(seen.at(-1)).toEqual({ kind: 'notice', text: '999' });
    expect(events.dropped).toBe(744);
  });

  it('sends at once while there is credit, and nothing after it was stopped', () => {
    const events = new Events();
    const { sink, seen } = slowPage(5);
    const stop = events.serve(sink);
    events.emit({ kind: 'notice', text: 'one' });
    stop();
    events.emit({ kind: 'notice', text: 'two' });
    expect(seen).toHaveLength(1);
  });
});
