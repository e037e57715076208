import { describe, expect, it, vi } from 'vitest';
import { s3Failure } from './s3-failure.ts';
import { S3Store } from './s3-store.ts';

const sdk = vi.hoisted(() => ({ loaded: 0 }));
vi.mock('@aws-sdk/client-s3', () => {
  sdk.loaded += 1;
  return {
    S3Client: class {
      middlewareStack = { add: () => {} };
      send = () => Promise.reject(Object.assign(new Error('no'), { name: 'NotFound', $metadata: { httpStatusCode: 404 } }));
    },
    HeadObjectCommand: class {},
  };
});

describe('the SDK', () => {
  it('is loaded by the first request, not before', async () => {
    await import('./archive.ts');
    const store = new S3Store({
      endpoint: 'http://127.0.0.1:1',
      region: 'r',
      bucket: 'b',
      prefix: '',
      accessKeyId: 'a',
      secretAccessKey: 's',
      pathStyle: true,
      keyId: '0123456789abcdef',
    });
    expect(sdk.loaded).toBe(0);
    expect(await store.size('x')).toBeNull();
    expect(sdk.loaded).toBe(1);
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
