import { beforeEach, describe, expect, it } from 'vitest';
import { TimelinePointer } from './timeline-pointer.ts';

let element: HTMLElement;
let log: string[];

const send = (type: string, init: PointerEventInit) =>
  element.dispatchEvent(new PointerEvent(type, { bubbles: true, cancelable: true, ...init }));

beforeEach(() => {
  log = [];
  element = document.createElement('div');
  element.setPointerCapture = () => {};
  new TimelinePointer({
    scrub: (x) => log.push(`scrub ${x}`),
    drop: (x) => log.push(`drop ${x}`),
    pan: (pixels) => log.push(`pan ${pixels}`),
    zoom: (x, factor) => log.push(`zoom ${x} ${factor < 1 ? 'in' : 'out'}`),
    hover: () => {},
  }).listen(element);
});

describe('TimelinePointer', () => {
  it('a click drops without scrubbing, also by a hand that trembles', () => {
    send('pointerdown', { clientX: 100 });
    send('pointermove', { clientX: 102 });
    send('pointerup', { clientX: 102 });
    expect(log).toEqual(['drop 102']);
  });

  it('a drag scrubs and drops at its end', () => {
    send('pointerdown', { clientX: 100 });
    send('pointermove', { clientX: 110 });
    send('pointermove', { clientX: 120 });
    send('pointerup', { clientX: 120 });
    expect(log).toEqual(['scrub 110', 'scrub 120', 'drop 120']);
  });

  it.each([{ shiftKey: true }, { button: 1 }])('a drag with %o moves the scale', (how) => {
    send('pointerdown', { clientX: 100, ...how });
    send('pointermove', { clientX: 90, ...how });
    send('pointerup', { clientX: 90, ...how });
    expect(log).toEqual(['pan 10']);
  });

  it('the right button does nothing', () => {
    send('pointerdown', { clientX: 100, button: 2 });
    send('pointermove', { clientX: 200 });
    send('pointerup', { clientX: 200, button: 2 });
    expect(log).toEqual([]);
  });

  it('a drag that is taken away drops nothing', () => {
    send('pointerdown', { clientX: 100 });
    send('pointermove', { clientX: 120 });
    send('pointercancel', {});
    send('pointerup', { clientX: 120 });
    expect(log).toEqual(['scrub 120']);
  });

  it('the wheel zooms around the pointer, sideways or with Shift it pans', () => {
    // happy-dom's wheel event takes nothing of a mouse event along.
    const wheel = ({ shiftKey = false, ...init }: WheelEventInit) => {
      const event = new WheelEvent('wheel', { cancelable: true, ...init });
      element.dispatchEvent(Object.defineProperties(event, { clientX: { value: 50 }, shiftKey: { value: shiftKey } }));
    };
    wheel({ deltaY: -100 });
    wheel({ deltaY: 100 });
    wheel({ deltaX: 30, deltaY: 5 });
    wheel({ deltaY: 40, shiftKey: true });
    expect(log).toEqual(['zoom 50 in', 'zoom 50 out', 'pan 30', 'pan 40']);
  });
});
