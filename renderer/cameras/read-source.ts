import type { NewSource } from '../../electron/contract/model.ts';

export interface Typed {
  readonly address: string;
  readonly username: string;
  readonly password: string;
}

/** What is wrong, by the field it is wrong in. */
export interface Faults {
  readonly address?: string;
  readonly password?: string;
}

/** What was pasted, as a source; what the engine has to judge is left to it. */
export function readSource({ address, username, password }: Typed): { readonly source: NewSource | undefined; readonly faults: Faults } {
  const text = address.trim();
  if (/^keyhole:/i.test(text)) return { source: { kind: 'p2p', invite: text }, faults: {} };
  if (/^rtsps?:\/\/./i.test(text))
    return {
      source: { kind: 'rtsp', url: text, ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) },
      faults: {},
    };
  const fault =
    text === ''
      ? 'Paste the invite or type the address first.'
      : 'This is neither an invite (it begins with “keyhole:”) nor an RTSP address (it begins with “rtsp://”).';
  return { source: undefined, faults: { address: fault } };
}
