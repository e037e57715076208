export interface PointerActions {
  /** Dragging: show what is under the pointer. `x` in CSS pixels from the left edge. */
  scrub(x: number): void;
  /** The pointer was let go, or clicked. */
  drop(x: number): void;
  /** Positive pixels show later times. */
  pan(pixels: number): void;
  zoom(x: number, factor: number): void;
  hover(x: number | null): void;
}

/** A pixel of wheel movement changes the span by about a four-hundredth. */
const ZOOM_PER_PIXEL = 1.0025;
const LINE_PIXELS = 16;
/** A hand that only clicks moves this far. */
const CLICK_PIXELS = 3;

/** Mouse, pen and touch on the timeline: drag scrubs; Shift or the middle button drags the scale; the wheel zooms, sideways or with Shift it pans. */
export class TimelinePointer {
  readonly #actions: PointerActions;
  #drag: { kind: 'scrub' | 'pan'; from: number; last: number; moved: boolean } | undefined;

  constructor(actions: PointerActions) {
    this.#actions = actions;
  }

  get busy(): boolean {
    return this.#drag !== undefined;
  }

  listen(element: HTMLElement): () => void {
    const stop = new AbortController();
    const { signal } = stop;
    const at = (event: MouseEvent) => event.clientX - element.getBoundingClientRect().left;
    element.addEventListener('pointerdown', (event) => this.#down(element, event, at(event)), { signal });
    element.addEventListener('pointermove', (event) => this.#move(at(event)), { signal });
    element.addEventListener('pointerup', (event) => this.#up(at(event)), { signal });
    element.addEventListener('pointercancel', () => (this.#drag = undefined), { signal });
    element.addEventListener('pointerleave', () => this.#actions.hover(null), { signal });
    element.addEventListener('wheel', (event) => this.#wheel(event, at(event)), { signal, passive: false });
    return () => stop.abort();
  }

  #down(element: HTMLElement, event: PointerEvent, x: number): void {
    if (event.button > 1) return;
    element.setPointerCapture(event.pointerId);
    this.#drag = { kind: event.shiftKey || event.button === 1 ? 'pan' : 'scrub', from: x, last: x, moved: false };
    if (event.button === 1) event.preventDefault();
  }

  #move(x: number): void {
    this.#actions.hover(x);
    const drag = this.#drag;
    if (!drag) return;
    if (!drag.moved && Math.abs(x - drag.from) < CLICK_PIXELS) return;
    drag.moved = true;
    if (drag.kind === 'pan') this.#actions.pan(drag.last - x);
    else this.#actions.scrub(x);
    drag.last = x;
  }

  #up(x: number): void {
    const drag = this.#drag;
    this.#drag = undefined;
    if (drag?.kind === 'scrub') this.#actions.drop(x);
  }

  #wheel(event: WheelEvent, x: number): void {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PIXELS : 1;
    const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.#actions.pan(sideways * unit);
    else this.#actions.zoom(x, ZOOM_PER_PIXEL ** (event.deltaY * unit));
  }
}
