import { describe, expect, it, vi } from 'vitest';
import { s3Failure } from './s3-failure.ts';
import { S3Store } from './s3-store.ts';

const sdk = vi.hoisted(() => ({
  loaded: 0,
  answer: (_command: object): Promise<unknown> =>
    Promise.reject(Object.assign(new Error('no'), { name: 'NotFound', $metadata: { httpStatusCode: 404 } })),
}));
vi.mock('@aws-sdk/client-s3', () => {
  sdk.loaded += 1;
  return {
    S3Client: class {
      middlewareStack = { add: () => {} };
      send = (command: object) => sdk.answer(command);
    },
    HeadObjectCommand: class {},
    GetObjectCommand: class {},
    ListObjectsV2Command: class {},
    CreateMultipartUploadCommand: class Create {},
    UploadPartCommand: class Part {},
    AbortMultipartUploadCommand: class Abort {},
  };
});

const newStore = () =>
  new S3Store({
    endpoint: 'http://127.0.0.1:1',
    region: 'r',
    bucket: 'b',
    prefix: '',
    accessKeyId: 'a',
    secretAccessKey: 's',
    pathStyle: true,
    keyId: '0123456789abcdef',
  });

describe('the SDK', () => {
  it('is loaded by the first request, not before', async () => {
    await import('./archive.ts');
    const store = newStore();
    expect(sdk.loaded).toBe(0);
    expect(await store.size('x')).toBeNull();
    expect(sdk.loaded).toBe(1);
  });
});

describe('a server', () => {
  it('that has no bytes from there on gives none: an object that was cut off says nothing of the others', async () => {
    sdk.answer = () => Promise.reject(Object.assign(new Error('no'), { name: 'InvalidRange', $metadata: { httpStatusCode: 416 } }));
    expect(await newStore().read('x', 100, 10)).toHaveLength(0);
  });

  it('that lists the same page without end is not followed', async () => {
    sdk.answer = () => Promise.resolve({ Contents: [], IsTruncated: true, NextContinuationToken: 'again' });
    const list = async () => {
      for await (const object of newStore().list('')) expect(object).toBeUndefined();
    };
    await expect(list()).rejects.toMatchObject({ code: 'archive-unreachable' });
  });
});

describe('an upload of many parts', () => {
  it('that is told to stop does not wait for a server that does not answer any more', async () => {
    const stop = new AbortController();
    const asked: string[] = [];
    sdk.answer = (command) => {
      asked.push(command.constructor.name);
      if (asked.length === 1) return Promise.resolve({ UploadId: 'one' });
      stop.abort();
      return asked.length === 2 ? Promise.reject(Object.assign(new Error('stopped'), { name: 'AbortError' })) : new Promise(() => {});
    };
    const bytes = new Uint8Array(6 * 1024 * 1024);
    async function* parts() {
      yield bytes;
    }
    await expect(newStore().put('x', bytes.length, parts(), { signal: stop.signal })).rejects.toMatchObject({ code: 'closed' });
    expect(asked).toEqual(['Create', 'Part', 'Abort']);
  });
});

describe('a failure of S3', () => {
  const said = (error: { name?: string; code?: string; status?: number; message?: string }) => {
    const { name = 'Error', code, status, message = 'the server wrote <secrets>' } = error;
    return s3Failure(
      Object.assign(new Error(message), { name, code, ...(status ? { $metadata: { httpStatusCode: status } } : {}) }),
      '"b" at host',
    );
  };

  it.each([
    [{ name: 'InvalidAccessKeyId', status: 403 }, 'archive-refused', 'access key'],
    [{ name: 'SignatureDoesNotMatch', status: 403 }, 'archive-refused', 'secret'],
    [{ name: 'NoSuchBucket', status: 404 }, 'archive-refused', 'bucket'],
    [{ name: 'RequestTimeTooSkewed', status: 403 }, 'archive-refused', 'clock'],
    [{ name: 'AuthorizationHeaderMalformed', status: 400 }, 'archive-refused', 'region'],
    [{ name: 'AccessDenied', status: 403 }, 'archive-refused', 'list, read, write and delete'],
    [{ name: 'Whatever', status: 403 }, 'archive-refused', 'keys'],
    [{ name: 'QuotaExceeded', status: 403 }, 'archive-refused', 'quota'],
    [{ name: 'NotImplemented', status: 501 }, 'archive-refused', 'does not know'],
    [{ name: 'Whatever', status: 507 }, 'archive-refused', 'space'],
    [{ name: 'Whatever', status: 418 }, 'archive-refused', 'Whatever 418'],
    [{ name: 'SlowDown', status: 503 }, 'archive-unreachable', 'HTTP 503'],
    [{ code: 'ENOTFOUND' }, 'archive-unreachable', 'name is not known'],
    [{ code: 'ECONNRESET' }, 'archive-unreachable', 'broke'],
    [{ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'archive-unreachable', 'certificate'],
    [{ code: 'ERR_TLS_CERT_ALTNAME_INVALID' }, 'archive-unreachable', 'certificate'],
    [{ name: 'TimeoutError' }, 'archive-unreachable', 'does not answer'],
    [{ name: 'AbortError' }, 'closed', 'stopped'],
    [{ name: '<b>' }, 'archive-unreachable', 'just now'],
  ] as const)('%o is told as %s', (error, code, words) => {
    expect(said(error)).toMatchObject({ code, message: expect.stringContaining(words) as unknown });
    expect(said(error).message).not.toContain('<secrets>');
  });
});
