import { createHmac } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Daemon } from './daemon.ts';
import { SERVERS } from './internet.ts';
import type { Lab } from './lab.ts';
import { run } from './shell.ts';

const REALM = 'natlab.test';
const SECRET = 'natlab-shared-secret';
const PORT = 3478;
/** Open where nothing else is; TCP and TLS both, as coturn tells them apart. */
const WEB_PORT = 443;

export interface TurnAccess {
  /** `turn:host:port?transport=…` or `turns:…`. */
  readonly url: string;
  readonly username: string;
  readonly credential: string;
}

/** Over which way a client speaks to the relay. */
export type TurnWay = 'udp' | 'tcp' | 'tls' | 'tcp-443' | 'tls-443';

/** Debian's coturn on the internet, with time-limited credentials (`use-auth-secret`); also a STUN server as of RFC 5780. */
export class Coturn {
  /** The shared secret, for who gives credentials out himself. */
  readonly secret = SECRET;
  /** `host:port` of its STUN, at the first of two addresses. */
  readonly stun = `${SERVERS.relay}:${PORT}`;
  /** PEM file of the certificate that its TLS shows. */
  readonly certificate: string;
  readonly #daemon: Daemon;

  private constructor(daemon: Daemon, certificate: string) {
    this.#daemon = daemon;
    this.certificate = certificate;
  }

  /** `args`: further flags of `turnserver`, such as `--max-allocate-lifetime=20`. */
  static async start(lab: Lab, args: readonly string[] = []): Promise<Coturn> {
    const folder = join(lab.folder, 'coturn');
    mkdirSync(folder);
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
    const subject = ['-subj', `/CN=${REALM}`, '-addext', `subjectAltName=DNS:${REALM},IP:${SERVERS.relay}`];
    await run([
      'openssl',
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      ...subject,
      '-keyout',
      key,
      '-out',
      certificate,
    ]);
    const daemon = new Daemon(lab.internet, [
      ...[
        'turnserver',
        '-n',
        '--no-cli',
        '--log-file=stdout',
        '--simple-log',
        `--pidfile=${join(folder, 'pid')}`,
        `--userdb=${join(folder, 'db')}`,
      ],
      ...[`--listening-ip=${SERVERS.relay}`, `--listening-ip=${SERVERS.relayAlternate}`, `--relay-ip=${SERVERS.relay}`],
      ...[`--listening-port=${PORT}`, `--tls-listening-port=${WEB_PORT}`, `--cert=${certificate}`, `--pkey=${key}`],
      ...['--use-auth-secret', `--static-auth-secret=${SECRET}`, `--realm=${REALM}`, '--fingerprint', '--relay-threads=1'],
      ...args,
    ]);
    const agent = await lab.internet.agent();
    await daemon.until(() => agent.tcp({ address: SERVERS.relay, port: WEB_PORT }));
    return new Coturn(daemon, certificate);
  }

  /** Good for `ttlS` seconds from now (the TURN REST scheme: the name says until when, the password is its HMAC). */
  access(way: TurnWay = 'udp', ttlS = 3600): TurnAccess {
    const username = `${Math.floor(Date.now() / 1000) + ttlS}:natlab`;
    const credential = createHmac('sha1', SECRET).update(username).digest('base64');
    const scheme = way.startsWith('tls') ? 'turns' : 'turn';
    const port = way === 'udp' || way === 'tcp' ? PORT : WEB_PORT;
    return { url: `${scheme}:${SERVERS.relay}:${port}?transport=${way === 'udp' ? 'udp' : 'tcp'}`, username, credential };
  }

  /** The same as one word for `--turn`. */
  flag(way: TurnWay = 'udp', ttlS = 3600): string {
    const { url, username, credential } = this.access(way, ttlS);
    return url.replace(':', `:${encodeURIComponent(username)}:${encodeURIComponent(credential)}@`);
  }

  get log(): string {
    return this.#daemon.log;
  }

  async stop(): Promise<void> {
    await this.#daemon.stop('SIGKILL');
  }
}
