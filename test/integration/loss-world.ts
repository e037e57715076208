import type { AccessUnit } from '../../electron/media/access-unit.ts';
import { Transport } from '../../peer/session/transport.ts';
import { ImpairmentProxy, throughPort } from '../fakes/impairment-proxy.ts';
import type { Impairment } from '../fakes/impaired-link.ts';
import type { ClipInput, Sink } from './p2p-world.ts';

/**
 * A bad network between all apps and cameras of this process, until it is closed: the one candidate that each end's description has
 * leads through the proxy. `toApp` is the camera's uplink.
 */
export class BadNetwork extends ImpairmentProxy {
  readonly #real = {
    createOffer: Object.getOwnPropertyDescriptor(Transport.prototype, 'createOffer'),
    acceptOffer: Object.getOwnPropertyDescriptor(Transport.prototype, 'acceptOffer'),
  };

  /** From now on. */
  begin(): this {
    const { createOffer, acceptOffer } = Transport.prototype;
    const open = () => this.open();
    const laneOf = (sdp: string) => this.laneOf(sdp);
    Transport.prototype.createOffer = async function (this: Transport) {
      const [offer, lane] = await Promise.all([createOffer.call(this), open()]);
      return throughPort(offer, lane.cameraPort);
    };
    Transport.prototype.acceptOffer = async function (this: Transport, sdp, ...rest) {
      const answer = await acceptOffer.call(this, sdp, ...rest);
      const lane = laneOf(sdp);
      return lane ? throughPort(answer, lane.appPort) : answer;
    };
    return this;
  }

  override async close(): Promise<void> {
    for (const [name, real] of Object.entries(this.#real)) if (real) Object.defineProperty(Transport.prototype, name, real);
    await super.close();
  }
}

/** Both ways alike, with this round trip. */
export const bothWays = (rttMs: number, impairment: Partial<Impairment>): { toApp: Partial<Impairment>; toCamera: Partial<Impairment> } => {
  const way = { delayMs: rttMs / 2, ...impairment };
  return { toApp: way, toCamera: way };
};

export const videoOf = (units: readonly AccessUnit[]): AccessUnit[] => units.filter(({ config }) => config.kind === 'video');

/** Frames that are not what was sent, byte by byte; and frames that were sent, between the first and the last that came, and are not there. */
export function compare(input: ClipInput, units: readonly AccessUnit[]): { damaged: number; missing: number; doubled: number } {
  const times = videoOf(units).map(({ pts }) => pts);
  const came = new Set<number>(times);
  const damaged = videoOf(units).filter(({ pts, data }) => !Buffer.from(input.sent.get(pts)?.data ?? []).equals(data)).length;
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const missing = [...input.sent.keys()].filter((pts) => pts > first && pts < last && !came.has(pts)).length;
  return { damaged, missing, doubled: times.length - came.size };
}

/** From when a frame was captured to when it is here, ms; both ends have this machine's clock. */
export const delaysOf = (units: readonly AccessUnit[]): number[] => videoOf(units).map(({ utc, receivedAt }) => receivedAt - utc);

/** Waits until frames of so many ms of media have come since now. */
export async function watch(sink: Sink, ms: number, deadlineMs = ms * 3 + 20_000): Promise<AccessUnit[]> {
  const before = sink.units.length;
  const since = () => sink.units.slice(before);
  await sink.until(() => {
    const all = videoOf(since());
    return ((all.at(-1)?.pts ?? 0) - (all[0]?.pts ?? 0)) / 90 >= ms;
  }, deadlineMs);
  return since();
}
