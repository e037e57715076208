import { describe, expect, it } from 'vitest';
import { privateKeyOf, rawPublicKey } from './keys.ts';
import { NoiseCipher, NoiseError, NoiseInitiator, noiseKeyPair, NoiseResponder, type NoiseKeyPair } from './noise.ts';

const hex = (text: string) => Buffer.from(text, 'hex');
const keyPair = (raw: string): NoiseKeyPair => {
  const privateKey = privateKeyOf('x25519', hex(raw));
  return { privateKey, publicKey: rawPublicKey(privateKey) };
};

/** The public test vector for Noise_IK_25519_AESGCM_SHA256 with these keys and payloads. */
const vector = {
  prologue: '6e6f74736563726574',
  initStatic: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
  initEphemeral: '202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f',
  respStatic: '0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20',
  respEphemeral: '4142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60',
  payloads: ['746573745f6d73675f30', '746573745f6d73675f31', '79656c6c6f777375626d6172696e65', '7375626d6172696e6579656c6c6f77'],
  messages: [
    '358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd16625419d6fab175300a577115c701c41ed681373f0432f81d3bf8676bd05216cd1919e61b75ccef0c0cf0b216fcdf371d0859e6d8177aa9777fe9b8435bb6f8202c3acd9051a9aee0a63e76f6',
    '64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d4846658a7bb8caac5097833909e90778571d34ce0e5b6ea4c3a76f102',
    '80a75e75c8e8d2e9c2a6c7bc6e550c4997d6d2b45429a530821c4aa5d36f27',
    'b8475410da62a98493d33a1e669f8f56dd8f61d449b53bd375299c3435424a',
  ],
} as const;

function ends(options: { prologue?: Buffer; responderPrologue?: Buffer } = {}) {
  const [initiatorKey, responderKey] = [noiseKeyPair(), noiseKeyPair()];
  const prologue = options.prologue ?? Buffer.from('test');
  return {
    initiatorKey,
    responderKey,
    initiator: new NoiseInitiator({ prologue, staticKey: initiatorKey }, responderKey.publicKey),
    responder: new NoiseResponder({ prologue: options.responderPrologue ?? prologue, staticKey: responderKey }),
  };
}

const empty = Buffer.alloc(0);

describe('Noise IK', () => {
  it('makes the bytes of the test vector, both ways', () => {
    const prologue = hex(vector.prologue);
    const responderStatic = keyPair(vector.respStatic);
    const initiator = new NoiseInitiator(
      { prologue, staticKey: keyPair(vector.initStatic), ephemeral: keyPair(vector.initEphemeral) },
      responderStatic.publicKey,
    );
    const responder = new NoiseResponder({ prologue, staticKey: responderStatic, ephemeral: keyPair(vector.respEphemeral) });
    const first = initiator.writeFirst(() => hex(vector.payloads[0]));
    expect(first.toString('hex')).toBe(vector.messages[0]);
    const read = responder.readFirst(first);
    expect(read.payload.toString('hex')).toBe(vector.payloads[0]);
    expect(read.remoteStatic.equals(keyPair(vector.initStatic).publicKey)).toBe(true);
    const second = responder.writeSecond(() => hex(vector.payloads[1]));
    expect(second.message.toString('hex')).toBe(vector.messages[1]);
    const opened = initiator.readSecond(second.message);
    expect(opened.payload.toString('hex')).toBe(vector.payloads[1]);
    expect(opened.session.handshakeHash.equals(second.session.handshakeHash)).toBe(true);
    expect(opened.session.send.encrypt(0, empty, hex(vector.payloads[2])).toString('hex')).toBe(vector.messages[2]);
    expect(second.session.send.encrypt(0, empty, hex(vector.payloads[3])).toString('hex')).toBe(vector.messages[3]);
    expect(opened.session.receive.decrypt(0, empty, hex(vector.messages[3])).toString('hex')).toBe(vector.payloads[3]);
    expect(second.session.receive.decrypt(0, empty, hex(vector.messages[2])).toString('hex')).toBe(vector.payloads[2]);
  });

  it('gives both ends the hash that a payload stands behind', () => {
    const { initiator, responder } = ends();
    let made: Buffer = empty;
    const first = initiator.writeFirst((hash) => (made = hash));
    const { handshakeHash, payload } = responder.readFirst(first);
    expect(handshakeHash.equals(made) && payload.equals(made)).toBe(true);
    const { message } = responder.writeSecond((hash) => (made = hash));
    expect(initiator.readSecond(message).handshakeHash.equals(made)).toBe(true);
  });

  it('refuses the first message altered at any byte, cut, or longer', () => {
    const { initiator, responderKey } = ends();
    const first = initiator.writeFirst(() => Buffer.from('payload'));
    const read = (message: Buffer) => () =>
      new NoiseResponder({ prologue: Buffer.from('test'), staticKey: responderKey }).readFirst(message);
    expect(read(first)).not.toThrow();
    for (let at = 0; at < first.length; at += 1) {
      const altered = Buffer.from(first);
      altered[at] = (altered[at] ?? 0) ^ 0x10;
      expect(read(altered), `byte ${at}`).toThrow(NoiseError);
    }
    for (const length of [0, 31, 32, 80, 95, first.length - 1]) expect(read(first.subarray(0, length))).toThrow(NoiseError);
    expect(read(Buffer.concat([first, Buffer.alloc(1)]))).toThrow(NoiseError);
  });

  it('refuses the second message altered at any byte', () => {
    const length = 32 + 7 + 16;
    for (let at = 0; at < length; at += 1) {
      const { initiator, responder } = ends();
      responder.readFirst(initiator.writeFirst(() => empty));
      const { message } = responder.writeSecond(() => Buffer.from('payload'));
      expect(message.length).toBe(length);
      message[at] = (message[at] ?? 0) ^ 0x10;
      expect(() => initiator.readSecond(message), `byte ${at}`).toThrow(NoiseError);
    }
  });

  it('needs the same prologue at both ends', () => {
    const { initiator, responder } = ends({ responderPrologue: Buffer.from('other') });
    const first = initiator.writeFirst(() => empty);
    expect(() => responder.readFirst(first)).toThrow(NoiseError);
  });

  it('needs the responder whose key was meant', () => {
    const { initiator } = ends();
    const { responder } = ends();
    const first = initiator.writeFirst(() => empty);
    expect(() => responder.readFirst(first)).toThrow(NoiseError);
  });

  it('takes no point of low order', () => {
    const { responder } = ends();
    expect(() => responder.readFirst(Buffer.alloc(120))).toThrow(NoiseError);
  });
});

describe('NoiseCipher', () => {
  it('opens only the same counter, header and text', () => {
    const cipher = new NoiseCipher(Buffer.alloc(32, 7));
    const header = Buffer.from('header');
    const sealed = cipher.encrypt(5, header, Buffer.from('text'));
    expect(cipher.decrypt(5, header, sealed).toString()).toBe('text');
    expect(() => cipher.decrypt(6, header, sealed)).toThrow(NoiseError);
    expect(() => cipher.decrypt(5, empty, sealed)).toThrow(NoiseError);
    expect(() => cipher.decrypt(5, header, sealed.subarray(0, 15))).toThrow(NoiseError);
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = Buffer.from(sealed);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(() => cipher.decrypt(5, header, altered)).toThrow(NoiseError);
    }
  });
});
