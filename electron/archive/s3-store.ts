import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type * as Sdk from '@aws-sdk/client-s3';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { CodedError } from '../base/errors.ts';
import { ownFolder, type ObjectStore, type PutOptions, type PutPace, type StoredObject } from './object-store.ts';
import { isBeyondEnd, isNotThere, s3Failure } from './s3-failure.ts';

/** The least that a part of a multipart upload may have, and so the most that is held in memory of a file. */
const PART_BYTES = 5 * 1024 * 1024;
const MAX_PARTS = 10_000;
/** Keys that one request deletes. */
const DELETE_AT_ONCE = 1_000;
/** What goes at once when there is a limit to the rate. */
const SLICE_BYTES = 16 * 1024;
const CONNECT_MS = 5_000;
/** Without a byte for so long a request is given up, milliseconds. */
const SILENCE_MS = 30_000;

export interface S3StoreOptions {
  /** `https://…`; null: AWS. */
  readonly endpoint: string | null;
  readonly region: string;
  readonly bucket: string;
  /** Before all keys: empty, or ends with a slash. */
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The bucket in the path, as most servers beside AWS want it, instead of in the host's name. */
  readonly pathStyle: boolean;
  readonly keyId: string;
}

/** An archive in a bucket of S3-compatible storage, by the official SDK, which is loaded when the first request is made. */
export class S3Store implements ObjectStore {
  readonly where: string;
  readonly #options: S3StoreOptions;
  readonly #base: string;
  /** Of bodies that are streams: the SDK cannot know it before they are sent. */
  readonly #hashes = new WeakMap<object, string>();
  #loaded: Promise<{ readonly sdk: typeof Sdk; readonly client: S3Client }> | null = null;

  constructor(options: S3StoreOptions) {
    this.#options = options;
    this.#base = `${options.prefix}${ownFolder(options.keyId)}/`;
    const host = options.endpoint ? new URL(options.endpoint).host : 'AWS';
    this.where = `"${options.bucket}" at ${host}`;
  }

  async put(name: string, totalBytes: number, parts: AsyncIterable<Uint8Array>, { signal, pace }: PutOptions = {}): Promise<void> {
    const partBytes = Math.max(PART_BYTES, Math.ceil(totalBytes / MAX_PARTS));
    const target = { Bucket: this.#options.bucket, Key: this.#base + name };
    if (totalBytes <= partBytes) {
      const [bytes = new Uint8Array()] = await collect(inPartsOf(partBytes, totalBytes, parts));
      await this.#ask(
        (client, sdk, options) => client.send(new sdk.PutObjectCommand({ ...target, ...this.#body(bytes, pace, signal) }), options),
        signal,
      );
      pace?.sent(bytes.length);
      return;
    }
    const { UploadId } = await this.#ask(
      (client, sdk, options) => client.send(new sdk.CreateMultipartUploadCommand(target), options),
      signal,
    );
    if (!UploadId) throw new CodedError('archive-unreachable', `The archive ${this.where} did not begin an upload.`);
    try {
      const sent: { PartNumber: number; ETag: string | undefined }[] = [];
      for await (const bytes of inPartsOf(partBytes, totalBytes, parts)) {
        const part = { ...target, UploadId, PartNumber: sent.length + 1 };
        const { PartNumber } = part;
        const { ETag } = await this.#ask(
          (client, sdk, options) => client.send(new sdk.UploadPartCommand({ ...part, ...this.#body(bytes, pace, signal) }), options),
          signal,
        );
        pace?.sent(bytes.length);
        sent.push({ PartNumber, ETag });
      }
      const MultipartUpload = { Parts: sent };
      await this.#ask(
        (client, sdk, options) => client.send(new sdk.CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload }), options),
        signal,
      );
    } catch (error) {
      // Parts of an upload that is never completed are paid for: `tidy` ends what cannot be ended now.
      const ending = this.#ask((client, sdk, options) =>
        client.send(new sdk.AbortMultipartUploadCommand({ ...target, UploadId }), options),
      ).catch(() => {});
      // Who stops does not wait for a server that may not answer.
      if (!signal?.aborted) await ending;
      throw error;
    }
  }

  async read(name: string, offset: number, bytes: number, signal?: AbortSignal): Promise<Uint8Array> {
    const target = { Bucket: this.#options.bucket, Key: this.#base + name };
    const Range = `bytes=${offset}-${offset + bytes - 1}`;
    const Body = await this.#ask(
      (client, sdk, options) =>
        client.send(new sdk.GetObjectCommand({ ...target, Range }), options).then(
          (answer) => answer.Body,
          (error: unknown) => {
            if (isBeyondEnd(error)) return undefined;
            throw error;
          },
        ),
      signal,
      name,
    );
    if (!Body) return new Uint8Array();
    try {
      return await bounded(Body as AsyncIterable<Uint8Array>, bytes);
    } catch (error) {
      throw s3Failure(error, this.where);
    }
  }

  async size(name: string, signal?: AbortSignal): Promise<number | null> {
    const target = { Bucket: this.#options.bucket, Key: this.#base + name };
    try {
      const { ContentLength } = await this.#ask(
        (client, sdk, options) => client.send(new sdk.HeadObjectCommand(target), options),
        signal,
        name,
      );
      return ContentLength ?? null;
    } catch (error) {
      if (error instanceof CodedError && error.code === 'not-found') return null;
      throw error;
    }
  }

  async remove(names: readonly string[], signal?: AbortSignal): Promise<void> {
    for (let i = 0; i < names.length; i += DELETE_AT_ONCE) {
      const Objects = names.slice(i, i + DELETE_AT_ONCE).map((name) => ({ Key: this.#base + name }));
      const Delete = { Objects, Quiet: true };
      const { Errors } = await this.#ask(
        (client, sdk, options) => client.send(new sdk.DeleteObjectsCommand({ Bucket: this.#options.bucket, Delete }), options),
        signal,
      );
      const failed = Errors?.find(({ Code }) => Code !== 'NoSuchKey');
      if (failed) throw s3Failure(Object.assign(new Error('not deleted'), { name: failed.Code ?? '' }), this.where);
    }
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<StoredObject> {
    const Prefix = this.#base + prefix;
    let ContinuationToken: string | undefined;
    do {
      const page = await this.#ask(
        (client, sdk, options) =>
          client.send(new sdk.ListObjectsV2Command({ Bucket: this.#options.bucket, Prefix, ContinuationToken }), options),
        signal,
      );
      for (const { Key, Size } of page.Contents ?? [])
        if (Key?.startsWith(Prefix)) yield { name: Key.slice(this.#base.length), bytes: Size ?? 0 };
      const next = page.IsTruncated ? page.NextContinuationToken : undefined;
      // It would be asked for without end.
      if (next !== undefined && next === ContinuationToken)
        throw new CodedError('archive-unreachable', `The archive ${this.where} lists the same again and again.`);
      ContinuationToken = next;
    } while (ContinuationToken !== undefined);
  }

  /** Uploads that were begun and not completed, below our own folder only. */
  async tidy(signal?: AbortSignal): Promise<void> {
    const { bucket: Bucket } = this.#options;
    const { Uploads } = await this.#ask(
      (client, sdk, options) => client.send(new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: this.#base }), options),
      signal,
    );
    for (const { Key, UploadId } of Uploads ?? [])
      if (Key?.startsWith(this.#base) && UploadId)
        await this.#ask(
          (client, sdk, options) => client.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId }), options),
          signal,
        );
  }

  close(): void {
    void this.#loaded?.then(({ client }) => client.destroy()).catch(() => {});
  }

  /** At the line's own speed, and sent again when it breaks; or at a pace, and then not. Either way the server checks the SHA-256. */
  #body(
    bytes: Uint8Array,
    pace: PutPace | undefined,
    signal: AbortSignal | undefined,
  ): { Body: Uint8Array | Readable; ContentLength: number } {
    const ContentLength = bytes.length;
    if (!pace?.limited) return { Body: bytes, ContentLength };
    const Body = Readable.from(slices(bytes, pace, signal), { objectMode: false, highWaterMark: SLICE_BYTES });
    this.#hashes.set(Body, createHash('sha256').update(bytes).digest('hex'));
    return { Body, ContentLength };
  }

  async #ask<O>(
    ask: (client: S3Client, sdk: typeof Sdk, options: { readonly abortSignal?: AbortSignal }) => Promise<O>,
    signal?: AbortSignal,
    name?: string,
  ): Promise<O> {
    if (signal?.aborted) throw new CodedError('closed', 'Keyhole stopped using the archive.');
    const { sdk, client } = await (this.#loaded ??= this.#load());
    try {
      return await ask(client, sdk, signal ? { abortSignal: signal } : {});
    } catch (error) {
      if (name !== undefined && isNotThere(error))
        throw new CodedError('not-found', `${name} is not in the archive (any more): ${this.where} does not have it.`, { cause: error });
      throw s3Failure(error, this.where);
    }
  }

  async #load(): Promise<{ sdk: typeof Sdk; client: S3Client }> {
    const sdk = await import('@aws-sdk/client-s3');
    const { endpoint, region, accessKeyId, secretAccessKey, pathStyle } = this.#options;
    const config: S3ClientConfig = {
      ...(endpoint ? { endpoint } : {}),
      region,
      forcePathStyle: pathStyle,
      credentials: { accessKeyId, secretAccessKey },
      // The signature covers a SHA-256 of the body; checksums beyond that are not known to every server.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      maxAttempts: 3,
      requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENCE_MS },
    };
    const client = new sdk.S3Client(config);
    client.middlewareStack.add(
      (next, context) => (args) => {
        const request = args.request as { headers: Record<string, string>; body?: unknown };
        const { Body } = args.input as { Body?: unknown };
        const hash = Body instanceof Readable ? this.#hashes.get(Body) : undefined;
        if (hash) request.headers['x-amz-content-sha256'] = hash;
        // Servers older than S3's new checksums want this one; those that know both take either.
        if (context['commandName'] === 'DeleteObjectsCommand' && typeof request.body === 'string')
          request.headers['content-md5'] = createHash('md5').update(request.body).digest('base64');
        return next(args);
      },
      { step: 'build', name: 'contentHashes' },
    );
    return { sdk, client };
  }
}

async function* slices(bytes: Uint8Array, pace: PutPace, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    const slice = bytes.subarray(at, at + SLICE_BYTES);
    await pace.wait(slice.length, signal);
    if (signal?.aborted) return;
    yield slice;
  }
}

/** Pieces put together to parts of exactly `partBytes`, the last one shorter: one part in memory. */
async function* inPartsOf(partBytes: number, totalBytes: number, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = totalBytes;
  let part = new Uint8Array(Math.min(partBytes, left));
  let filled = 0;
  for await (let piece of pieces) {
    while (piece.length > 0) {
      if (part.length === 0) throw new Error(`more than the ${totalBytes} bytes of an object`);
      const take = piece.subarray(0, part.length - filled);
      part.set(take, filled);
      filled += take.length;
      piece = piece.subarray(take.length);
      if (filled < part.length) continue;
      yield part;
      left -= filled;
      part = new Uint8Array(Math.min(partBytes, left));
      filled = 0;
    }
  }
  if (left > 0) throw new Error(`${totalBytes - left + filled} bytes of an object of ${totalBytes}`);
}

async function collect(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

/** A server that sends more than was asked for is not listened to. */
async function bounded(body: AsyncIterable<Uint8Array>, bytes: number): Promise<Uint8Array> {
  const out = new Uint8Array(bytes);
  let filled = 0;
  for await (const piece of body) {
    if (filled + piece.length > bytes)
      throw new CodedError('archive-unreachable', 'The archive answered with more than was asked for: it does not know ranges.');
    out.set(piece, filled);
    filled += piece.length;
  }
  return out.subarray(0, filled);
}
