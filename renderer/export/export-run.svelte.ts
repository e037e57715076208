import { CodedError } from '../../electron/contract/client.ts';
import type { ExportPart, ExportPlan } from '../../electron/contract/export.ts';
import type { Camera } from '../../electron/contract/model.ts';
import type { EngineLink } from '../api/engine-link.ts';
import { fileName } from './export-words.ts';
import { saveTarget, type SaveTarget } from './save-file.ts';

/** Pieces on their way at once. */
const CREDIT = 8;

export interface ExportOrder {
  readonly camera: Pick<Camera, 'id' | 'name'>;
  readonly parts: ExportPlan['parts'];
  readonly proof: boolean;
  readonly zone: string;
}

/** One export on its way to its files. Made anew for each; stopped, it leaves neither a stream nor a file half written. */
export class ExportRun {
  readonly #link: EngineLink;
  readonly #targetOf: typeof saveTarget;
  readonly #stop = new AbortController();
  #written = $state(0);

  constructor(link: EngineLink, targetOf: typeof saveTarget = saveTarget) {
    this.#link = link;
    this.#targetOf = targetOf;
  }

  /** Bytes of all parts so far. */
  get written(): number {
    return this.#written;
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Whether all of it is saved: false when it was stopped, or no place was chosen. Rejects with a CodedError. To be called in a person's click. */
  async save(order: ExportOrder): Promise<boolean> {
    const { camera, parts, zone } = order;
    for (const [i, part] of parts.entries()) {
      const place = { number: i + 1, of: parts.length };
      const target = await this.#targetOf(fileName(camera.name, part.from, zone, place), parts.length === 1);
      if (!target || !(await this.#write(order, part, place, target))) return false;
    }
    return true;
  }

  async #write(
    { camera, proof }: ExportOrder,
    { from, to }: ExportPart,
    part: { number: number; of: number },
    target: SaveTarget,
  ): Promise<boolean> {
    const { signal } = this.#stop;
    const client = await this.#link.ready();
    const error = await new Promise<CodedError | undefined>((resolve) => {
      if (signal.aborted) return resolve(undefined);
      const stream = client.open(
        'clip',
        { camera: camera.id, from, to, proof, part },
        {
          item: async (_chunk, bytes) => {
            if (!bytes) return;
            this.#written += bytes.length;
            await target.write(bytes).catch((reason: unknown) => {
              stream.close();
              resolve(new CodedError('disk-failed', `The file could not be written: ${String(reason)}`));
            });
          },
          end: resolve,
        },
        CREDIT,
      );
      signal.addEventListener('abort', () => {
        stream.close();
        // Closed by the person: nobody tells of an end then.
        resolve(undefined);
      });
    });
    if (!error && !signal.aborted) {
      await target.finish();
      return true;
    }
    await target.abort().catch(() => {});
    if (error && !signal.aborted) throw error;
    return false;
  }
}
