import { decode, encode, type Answer } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { announcement, browseQuery, concerns, goodbye, legacyAnswer, readMessage, type LanQuery } from './dns-sd.ts';

const ADDRESS = 'abcdefghijklmnopqrstuvwxyz234567';
const OTHER = 'b'.repeat(32);
const offer = { address: ADDRESS, port: 40_123, ipv4: ['192.168.7.5'], ipv6: ['fd00::5'] };
const SERVICE = '_keyhole._tcp.local';

const query = (name: string, type: string, answers: Answer[] = []): LanQuery => {
  const message = readMessage(encode({ type: 'query', id: 7, questions: [{ name, type: type as 'PTR' }], answers }));
  if (message?.kind !== 'query') throw new Error('this is no query');
  return message;
};
const cameras = (data: Buffer) => {
  const message = readMessage(data);
  return message?.kind === 'answer' ? message.cameras : null;
};
const says = (answers: Answer[]) => cameras(encode({ type: 'response', answers }));
const srv = (name: string, port = 40_123, target = 'host.local'): Answer => ({ name, type: 'SRV', ttl: 120, data: { port, target } });

describe('what a camera says on a LAN', () => {
  it('is where it is, and that it leaves', () => {
    const seen = { address: ADDRESS, port: 40_123, ipv6: ['fd00::5'] };
    expect(cameras(announcement(offer))).toEqual([{ ...seen, ttl: 120 }]);
    expect(cameras(goodbye(offer))).toEqual([{ ...seen, ttl: 0 }]);
    expect(cameras(legacyAnswer(offer, query(SERVICE, 'PTR')))).toEqual([{ ...seen, ttl: 10 }]);
  });

  it('holds nothing of it but the hash of its key and where it is', () => {
    const { answers = [] } = decode(announcement(offer));
    expect(answers.map(({ type, name }) => [type, name])).toEqual([
      ['PTR', SERVICE],
      ['PTR', '_services._dns-sd._udp.local'],
      ['SRV', `${ADDRESS}.${SERVICE}`],
      ['TXT', `${ADDRESS}.${SERVICE}`],
      ['A', `${ADDRESS}.local`],
      ['AAAA', `${ADDRESS}.local`],
    ]);
    const txt = answers.find(({ type }) => type === 'TXT');
    expect(Buffer.concat([(txt as { data: Buffer[] }).data].flat())).toHaveLength(0);
  });

  it('is as the RFCs have it: unique records flush, shared ones do not, and no legacy resolver is told so', () => {
    const flush = (data: Buffer) => (decode(data).answers ?? []).map((record) => (record as { flush?: boolean }).flush);
    expect(flush(announcement(offer))).toEqual([false, false, true, true, true, true]);
    const legacy = decode(legacyAnswer(offer, query(SERVICE, 'PTR')));
    expect(flush(legacyAnswer(offer, query(SERVICE, 'PTR')))).not.toContain(true);
    expect(legacy).toMatchObject({ id: 7, questions: [{ name: SERVICE, type: 'PTR' }] });
  });

  it('answers what is asked about it, and nothing else', () => {
    const about: [string, string][] = [
      [SERVICE, 'PTR'],
      [SERVICE.toUpperCase().replace('_KEYHOLE', '_keyhole'), 'ANY'],
      ['_services._dns-sd._udp.local', 'PTR'],
      [`${ADDRESS}.${SERVICE}`, 'SRV'],
    ];
    for (const [name, type] of about) expect(concerns(query(name, type), ADDRESS), `${name} ${type}`).toBe(true);
    for (const [name, type] of [
      [SERVICE, 'A'],
      [`${OTHER}.${SERVICE}`, 'SRV'],
      ['_keyhole._udp.local', 'PTR'],
    ] as const)
      expect(concerns(query(name, type), ADDRESS), `${name} ${type}`).toBe(false);
  });

  it('is not said again to who knows it', () => {
    const known = (ttl: number): Answer[] => [{ name: SERVICE, type: 'PTR', ttl, data: `${ADDRESS}.${SERVICE}` }];
    expect(concerns(query(SERVICE, 'PTR', known(4_000)), ADDRESS)).toBe(false);
    expect(concerns(query(SERVICE, 'PTR', known(1_000)), ADDRESS)).toBe(true);
    expect(concerns(query(SERVICE, 'PTR', known(4_000)), OTHER)).toBe(true);
  });

  it('does not tell which camera is looked for', () => {
    expect(decode(browseQuery()).questions).toMatchObject([{ name: SERVICE, type: 'PTR' }]);
  });
});

describe('what others say', () => {
  it('is believed only as an address and a port that a camera can have', () => {
    expect(says([srv(`${ADDRESS}.${SERVICE}`)])).toHaveLength(1);
    for (const wrong of [
      srv(`${ADDRESS}.${SERVICE}`, 1023),
      srv(`${ADDRESS}.${SERVICE}`, 0),
      srv(`${ADDRESS.slice(1)}.${SERVICE}`),
      srv(`${'1'.repeat(32)}.${SERVICE}`),
      srv(`x.${ADDRESS}.${SERVICE}`),
      srv(SERVICE),
      srv(`${ADDRESS}._http._tcp.local`),
    ])
      expect(says([wrong, { name: SERVICE, type: 'PTR', data: 'x' }]), JSON.stringify(wrong)).toEqual([]);
  });

  it('counts for two minutes at most', () => {
    expect(says([{ ...srv(`${ADDRESS}.${SERVICE}`), ttl: 2 ** 31 - 1 } as Answer])).toMatchObject([{ ttl: 120 }]);
  });

  it('is not read when it is not about us, too long or too much', () => {
    expect(readMessage(encode({ type: 'response', answers: [srv(`${ADDRESS}._http._tcp.local`)] }))).toBeNull();
    const many = Array.from({ length: 65 }, () => ({ name: SERVICE, type: 'PTR' as const, data: 'x' }));
    expect(says(many.slice(1).map((record) => ({ ...record, name: 'x', data: '_keyhole' })))).toEqual([]);
    expect(
      readMessage(
        encode({ type: 'query', questions: many.map(({ name }) => ({ name: `_keyhole${name}`.slice(0, 8), type: 'PTR' as const })) }),
      ),
    ).toBeNull();
    expect(readMessage(Buffer.concat([announcement(offer), Buffer.alloc(1_500)]))).toBeNull();
  });

  it('of any kind is read or not, and nothing worse', () => {
    const random = seededRandom(6762);
    const samples = [announcement(offer), goodbye(offer), browseQuery(), legacyAnswer(offer, query(SERVICE, 'PTR'))];
    let read = 0;
    for (let round = 0; round < 100_000; round += 1) {
      const sample = samples[round % samples.length] ?? Buffer.alloc(0);
      const data = Buffer.from(round % 5 === 0 ? sample.subarray(0, Math.floor(random() * sample.length)) : sample);
      for (let flips = Math.floor(random() * 6); flips > 0 && data.length > 0; flips -= 1)
        data[Math.floor(random() * data.length)] = Math.floor(random() * 256);
      const message = readMessage(data);
      if (!message) continue;
      read += 1;
      if (message.kind !== 'answer') continue;
      if (message.cameras.length > 64) throw new Error(`${message.cameras.length} cameras`);
      for (const { address, port, ttl } of message.cameras)
        if (!/^[a-z2-7]{32}$/.test(address) || port < 1024 || port > 65_535 || !(ttl >= 0 && ttl <= 120))
          throw new Error(`${address}:${port} ${ttl}`);
    }
    expect(read).toBeGreaterThan(10_000);
  }, 60_000);

  it('with names that point at each other ends soon', () => {
    // A record whose name is pointer upon pointer, as deep as a packet lets it be.
    const chain = Buffer.alloc(1_480);
    chain.set([0, 0, 0x84, 0, 0, 0, 0, 60, 0, 0, 0, 0]);
    Buffer.from('\x08_keyhole\0').copy(chain, 12);
    for (let at = 22; at + 1 < chain.length; at += 2) chain.writeUInt16BE(0xc000 + Math.max(12, at - 2), at);
    expect(readMessage(chain)).toBeNull();
  });
});
