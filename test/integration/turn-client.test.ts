import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { classes, createStunOverTurnClient, Message, methods, type StunOverTurnProtocol } from 'werift';
import { systemClock } from '../../electron/base/clock.ts';
import { chooseRelay } from '../../peer/path/relay-choice.ts';
import { allocateRelay } from '../../peer/path/turn-client.ts';
import { coturnUnavailable, LoopbackCoturn } from '../fakes/coturn.ts';

const unavailable = coturnUnavailable();
const open: StunOverTurnProtocol[] = [];
const never = new AbortController().signal;
let coturn: LoopbackCoturn;

afterEach(async () => {
  for (const relay of open.splice(0)) await relay.close();
});

/** Asks for permissions until the nonce has gone stale: resolves with what became of that request, or rejects with it. */
async function untilStale(relay: StunOverTurnProtocol): Promise<void> {
  const { turn } = relay;
  let stale = false;
  const { onData } = turn.transport;
  turn.transport.onData = (data, from) => {
    // An error response to CreatePermission (RFC 8656 §9) with code 438.
    if (data.readUInt16BE(0) === 0x0118 && data.includes(Buffer.from([0, 9])) && data.includes(Buffer.from([4, 38]))) stale = true;
    onData(data, from);
  };
  while (!stale) {
    const request = new Message(methods.CREATE_PERMISSION, classes.REQUEST).setAttribute('XOR-PEER-ADDRESS', ['127.0.0.1', 9]);
    await turn.requestWithRetry(request, turn.server);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe.skipIf(unavailable !== null)(`the TURN client at a real coturn${unavailable ? ` (${unavailable})` : ''}`, () => {
  beforeAll(async () => {
    coturn = await LoopbackCoturn.start(['--stale-nonce=1']);
  });
  afterAll(() => coturn?.stop());

  it('goes on when its nonce has gone stale', async () => {
    const relay = await allocateRelay(coturn.server(), systemClock, never);
    open.push(relay);
    await untilStale(relay);
  });

  it('which the library by itself does not: the reason for having our own', async () => {
    const { username, credential } = coturn.server();
    const relay = await createStunOverTurnClient({ address: ['127.0.0.1', coturn.port], username, password: credential }, {});
    open.push(relay);
    await expect(untilStale(relay)).rejects.toThrow();
  }, 30_000);

  it('says that it is refused when the password is wrong', async () => {
    await expect(allocateRelay(coturn.server('udp', 'another secret'), systemClock, never)).rejects.toMatchObject({
      code: 'relay-refused',
    });
    await expect(chooseRelay([coturn.server('udp', 'x'), coturn.server('tcp', 'x')], systemClock)).rejects.toMatchObject({
      code: 'relay-refused',
    });
  });

  it('says that nobody is there when nobody is', async () => {
    const nobody = { ...coturn.server('tcp'), url: 'turn:127.0.0.1:9?transport=tcp' };
    await expect(allocateRelay(nobody, systemClock, never)).rejects.toMatchObject({ code: 'relay-unreachable' });
  });

  it('allocates over TCP where UDP is not answered', async () => {
    const relay = await chooseRelay([{ ...coturn.server(), url: 'turn:127.0.0.1:9?transport=udp' }, coturn.server('tcp')], systemClock);
    open.push(relay);
    expect(relay.turn.transport.type).toBe('tcp');
    expect(relay.turn.relayedAddress[0]).toBe('127.0.0.1');
  });

  it('gives its allocation back when it closes', async () => {
    const quota = await LoopbackCoturn.start(['--user-quota=1']);
    try {
      const server = quota.server();
      const first = await allocateRelay(server, systemClock, never);
      await expect(allocateRelay(server, systemClock, never)).rejects.toMatchObject({ code: 'relay-unreachable' });
      await first.close();
      // coturn takes a moment to let go; what is not given back it keeps for ten minutes.
      const second = await vi.waitFor(() => allocateRelay(server, systemClock, never), { timeout: 30_000, interval: 200 });
      await second.close();
    } finally {
      await quota.stop();
    }
  });
});
