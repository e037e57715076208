import { isIPv4 } from 'node:net';
import type { Clock } from '../../electron/base/clock.ts';
import { urlOn, type UpnpDevice } from './ssdp.ts';
import { upnpFetch } from './upnp-http.ts';
import { elements, escaped, textOf, withoutComments } from './upnp-xml.ts';
import { NO_PUBLIC_ADDRESS, type GatewayAnswer } from './gateway-request.ts';

/** Best first. */
const SERVICES = ['WANIPConnection:2', 'WANIPConnection:1', 'WANPPPConnection:1'].map((name) => `urn:schemas-upnp-org:service:${name}`);

export interface UpnpService {
  readonly type: string;
  readonly controlUrl: URL;
}

/** Error codes of WANIPConnection:2 §2.5 that we do something about. */
export const UPNP_ERROR = { conflict: 718, onlyPermanentLeases: 725, samePortRequired: 724 } as const;

const ERRORS: Readonly<Record<number, string>> = {
  401: 'it does not know this question',
  501: 'it failed',
  606: 'it refuses, or has port mapping switched off',
  718: 'the port belongs to another device',
  728: 'it has no port left',
  729: 'the port belongs to a device that set it by hand',
};

export type UpnpAnswer = { readonly ok: string } | { readonly code: number; readonly error: string };

/** The services of a description that map ports, best first; those whose control is on another host than `location` are none. */
export function readDescription(text: string, location: URL): UpnpService[] {
  const xml = withoutComments(text);
  const base = urlOn(textOf(xml, 'URLBase') ?? '', location.hostname) ?? location;
  const services = elements(xml, 'service').flatMap((service) => {
    const type = textOf(service, 'serviceType');
    const controlUrl = urlOn(textOf(service, 'controlURL') ?? '', location.hostname, base);
    return type !== null && SERVICES.includes(type) && controlUrl ? { type, controlUrl } : [];
  });
  return services.sort((one, other) => SERVICES.indexOf(one.type) - SERVICES.indexOf(other.type));
}

/** What a SOAP answer says: the text of `wanted` ('' when none is wanted), or the error in it. Null for what is neither. */
export function readSoap(text: string, wanted: string | null): UpnpAnswer | null {
  const xml = withoutComments(text);
  const code = Number(textOf(xml, 'errorCode') ?? Number.NaN);
  if (Number.isInteger(code)) return { code, error: ERRORS[code] ?? `it answers with code ${code}` };
  if (elements(xml, 'Fault').length > 0) return { code: 0, error: 'it answers with a fault' };
  if (wanted === null) return elements(xml, 'Body').length > 0 ? { ok: '' } : null;
  const value = textOf(xml, wanted);
  return value === null ? null : { ok: value };
}

/** A router's UPnP service for port mapping (Internet Gateway Device, versions 1 and 2). */
export class UpnpIgd {
  readonly #service: UpnpService;
  readonly #localAddress: string;
  readonly #clock: Clock;

  private constructor(service: UpnpService, localAddress: string, clock: Clock) {
    this.#service = service;
    this.#localAddress = localAddress;
    this.#clock = clock;
  }

  /** The first service of the device that has a public address now; a router may have one for each of its lines. */
  static async open({ location, localAddress }: UpnpDevice, clock: Clock): Promise<GatewayAnswer<{ igd: UpnpIgd; external: string }>> {
    const description = await upnpFetch({ url: location, localAddress, clock });
    if (description?.status !== 200) return { error: 'its description cannot be read', speaks: true };
    let error = 'it has no service for port mapping';
    for (const service of readDescription(description.text, location).slice(0, 3)) {
      const igd = new UpnpIgd(service, localAddress, clock);
      const answer = await igd.externalAddress();
      // An empty one: the line is down, or the router knows that its address is not public.
      if ('ok' in answer && isIPv4(answer.ok) && answer.ok !== '0.0.0.0') return { ok: { igd, external: answer.ok } };
      error = 'ok' in answer ? NO_PUBLIC_ADDRESS.error : answer.error;
    }
    return { error, speaks: true };
  }

  async externalAddress(): Promise<UpnpAnswer> {
    return this.#ask('GetExternalIPAddress', {}, 'NewExternalIPAddress');
  }

  /** `leaseS` 0: until it is taken away, or the router restarts. */
  async add({ internalPort, externalPort, leaseS }: { internalPort: number; externalPort: number; leaseS: number }): Promise<UpnpAnswer> {
    return this.#ask('AddPortMapping', {
      NewRemoteHost: '',
      NewExternalPort: externalPort,
      NewProtocol: 'UDP',
      NewInternalPort: internalPort,
      NewInternalClient: this.#localAddress,
      NewEnabled: 1,
      NewPortMappingDescription: 'Keyhole',
      NewLeaseDuration: leaseS,
    });
  }

  async remove(externalPort: number): Promise<UpnpAnswer> {
    return this.#ask('DeletePortMapping', { NewRemoteHost: '', NewExternalPort: externalPort, NewProtocol: 'UDP' });
  }

  async #ask(action: string, values: Readonly<Record<string, string | number>>, wanted: string | null = null): Promise<UpnpAnswer> {
    const { type, controlUrl } = this.#service;
    const fields = Object.entries(values).map(([name, value]) => `<${name}>${escaped(String(value))}</${name}>`);
    const answer = await upnpFetch({
      url: controlUrl,
      localAddress: this.#localAddress,
      clock: this.#clock,
      method: 'POST',
      headers: { 'content-type': 'text/xml; charset="utf-8"', 'soapaction': `"${type}#${action}"` },
      body:
        '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
        's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
        `<u:${action} xmlns:u="${type}">${fields.join('')}</u:${action}></s:Body></s:Envelope>\r\n`,
    });
    const read = answer && (answer.status === 200 || answer.status === 500) ? readSoap(answer.text, wanted) : null;
    return read ?? { code: 0, error: answer ? `it answers with HTTP status ${answer.status}` : 'it does not answer' };
  }
}
