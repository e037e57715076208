import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { readSearchAnswer, searchMessage, urlOn } from './ssdp.ts';
import { readDescription, readSoap } from './upnp-igd.ts';
import { elements, escaped, textOf, withoutComments } from './upnp-xml.ts';

const ROUTER = '192.168.1.1';
const found = (headers: string, status = 'HTTP/1.1 200 OK') => Buffer.from(`${status}\r\n${headers}\r\n\r\n`);
const ST = 'ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1';

describe('the search for UPnP gateways', () => {
  it('asks with nothing in it that tells about this machine', () => {
    expect(searchMessage('upnp:rootdevice').toString()).toMatch(
      /^M-SEARCH \* HTTP\/1\.1\r\nHOST: 239\.255\.255\.250:1900\r\nMAN: "ssdp:discover"\r\n/,
    );
  });

  it('takes a description only from the host that offers it', () => {
    expect(readSearchAnswer(found(`${ST}\r\nLOCATION: http://${ROUTER}:5000/rootDesc.xml`), ROUTER)?.href).toBe(
      `http://${ROUTER}:5000/rootDesc.xml`,
    );
    expect(readSearchAnswer(found(`Location:http://${ROUTER}/x\r\nst:${ST.slice(4)}`), ROUTER)).not.toBeNull();
    for (const location of [
      'http://192.168.1.2:5000/rootDesc.xml',
      'http://169.254.169.254/latest/meta-data',
      `http://${ROUTER}.evil.example/x`,
      `http://evil.example#@${ROUTER}/`,
      `http://user@${ROUTER}/`,
      `https://${ROUTER}/`,
      'file:///etc/passwd',
      '/rootDesc.xml',
      '',
      `http://${ROUTER}/${'x'.repeat(2_000)}`,
    ]) {
      expect(readSearchAnswer(found(`${ST}\r\nLOCATION: ${location}`), ROUTER), location).toBeNull();
    }
    const location = `LOCATION: http://${ROUTER}/x`;
    expect(readSearchAnswer(found(`ST: urn:schemas-upnp-org:device:MediaServer:1\r\n${location}`), ROUTER)).toBeNull();
    expect(readSearchAnswer(found(`${ST}\r\n${location}`, 'NOTIFY * HTTP/1.1'), ROUTER)).toBeNull();
    expect(readSearchAnswer(found(`${ST}\r\n${location}`, 'HTTP/1.1 404 Not Found'), ROUTER)).toBeNull();
    expect(readSearchAnswer(found(`${ST}\r\n${location}\r\nX: ${'x'.repeat(3_000)}`), ROUTER)).toBeNull();
    expect(urlOn('ctl', ROUTER, new URL(`http://${ROUTER}:5000/a/b.xml`))?.href).toBe(`http://${ROUTER}:5000/a/ctl`);
  });
});

const service = (type: string, control: string) =>
  `<service><serviceType>urn:schemas-upnp-org:service:${type}</serviceType><controlURL>${control}</controlURL><SCPDURL>/s.xml</SCPDURL></service>`;
const description = (...services: string[]) =>
  `<?xml version="1.0"?>\n<root xmlns="urn:schemas-upnp-org:device-1-0"><device><friendlyName>a &amp; b</friendlyName><serviceList>${services.join('\n')}</serviceList></device></root>`;
const location = new URL(`http://${ROUTER}:5000/rootDesc.xml`);

describe('the description of a gateway', () => {
  it('yields the services that map ports, best first, whatever their order', () => {
    const xml = description(
      service('Layer3Forwarding:1', '/l3'),
      service('WANPPPConnection:1', '/ppp'),
      service('WANIPConnection:1', 'ctl/ip?a=1&amp;b=2'),
      service('WANIPConnection:2', `http://${ROUTER}:6000/ip2`),
    );
    expect(readDescription(xml, location).map(({ controlUrl }) => controlUrl.href)).toEqual([
      `http://${ROUTER}:6000/ip2`,
      `http://${ROUTER}:5000/ctl/ip?a=1&b=2`,
      `http://${ROUTER}:5000/ppp`,
    ]);
    const based = xml.replace('<device>', `<URLBase>http://${ROUTER}:7000/base/</URLBase><device>`);
    expect(readDescription(based, location)[1]?.controlUrl.href).toBe(`http://${ROUTER}:7000/base/ctl/ip?a=1&b=2`);
  });

  it('does not send us to another host, by a control URL, a base or a comment', () => {
    const other = description(service('WANIPConnection:1', 'http://10.0.0.1/admin'), service('WANIPConnection:1', '//10.0.0.1/admin'));
    expect(readDescription(other, location)).toEqual([]);
    const based = description(service('WANIPConnection:1', '/ctl')).replace('<device>', '<URLBase>http://10.0.0.1/</URLBase><device>');
    expect(readDescription(based, location).map(({ controlUrl }) => controlUrl.host)).toEqual([`${ROUTER}:5000`]);
    expect(readDescription(`<!-- ${description(service('WANIPConnection:1', '/ctl'))} -->`, location)).toEqual([]);
  });
});

const soap = (body: string) => `<?xml version="1.0"?><s:Envelope xmlns:s="x"><s:Body>${body}</s:Body></s:Envelope>`;

describe('the answer of a gateway', () => {
  it('is its value, or its error', () => {
    const address = soap(
      '<u:GetExternalIPAddressResponse><NewExternalIPAddress> 203.0.113.7 </NewExternalIPAddress></u:GetExternalIPAddressResponse>',
    );
    expect(readSoap(address, 'NewExternalIPAddress')).toEqual({ ok: '203.0.113.7' });
    expect(readSoap(soap('<u:AddPortMappingResponse/>'), null)).toEqual({ ok: '' });
    const error = (code: string) => soap(`<s:Fault><detail><UPnPError><errorCode>${code}</errorCode></UPnPError></detail></s:Fault>`);
    expect(readSoap(error('718'), null)).toEqual({ code: 718, error: 'the port belongs to another device' });
    expect(readSoap(error('9999'), null)).toEqual({ code: 9999, error: 'it answers with code 9999' });
    expect(readSoap(soap('<s:Fault><faultstring>no</faultstring></s:Fault>'), null)).toEqual({ code: 0, error: 'it answers with a fault' });
    for (const text of ['', 'hello', '<html></html>', '<Body>', '<NewExternalIPAddress>']) {
      expect(readSoap(text, 'NewExternalIPAddress')).toBeNull();
      expect(readSoap(text, null)).toBeNull();
    }
  });
});

describe('the reader of XML', () => {
  it('takes 100,000 random and altered answers without throwing, or sending us elsewhere', () => {
    const random = seededRandom(23);
    const alphabet = '<>/!-&;:= "abxServicetypeURL\r\n\u0000é';
    const genuine = [
      found(`${ST}\r\nLOCATION: http://${ROUTER}/x`),
      Buffer.from(description(service('WANIPConnection:1', '/ctl'))),
      Buffer.from(soap('<a><NewExternalIPAddress>1.2.3.4</NewExternalIPAddress></a>')),
    ];
    let elsewhere = 0;
    for (let round = 0; round < 100_000; round += 1) {
      const bytes = Buffer.from(genuine[round % 3] ?? '');
      for (let change = 0; change < 4; change += 1)
        bytes[Math.floor(random() * bytes.length)] = alphabet.charCodeAt(Math.floor(random() * alphabet.length));
      const text = bytes.subarray(0, random() < 0.5 ? bytes.length : Math.floor(random() * bytes.length)).toString('utf8');
      readSoap(text, 'NewExternalIPAddress');
      const urls = [...readDescription(text, location).map(({ controlUrl }) => controlUrl), readSearchAnswer(bytes, ROUTER)];
      if (urls.some((url) => url !== null && url.hostname !== ROUTER)) elsewhere += 1;
    }
    expect(elsewhere).toBe(0);
  }, 60_000);

  it('takes the worst of 64 KiB without much work', () => {
    for (const part of [
      '<',
      '<a',
      '<service>',
      '<!--',
      '<a:service ',
      '</service>',
      '&lt;',
      '&#1',
      '<service><serviceType>x</serviceType>',
    ]) {
      const xml = part.repeat(Math.ceil(65_536 / part.length));
      expect(elements(withoutComments(xml), 'service').length).toBeLessThanOrEqual(64);
      readDescription(xml, location);
      readSoap(xml + '>', 'x');
    }
  });

  it('expands nothing but the five entities and numbers', () => {
    expect(textOf('<a>&lt;&amp;amp;&#65;&bomb;&#0;&#9999999;</a>', 'a')).toBe('<&amp;A&bomb;&#0;&#9999999;');
    expect(textOf(`<a>${escaped(`<"x" & 'y'>`)}</a>`, 'a')).toBe(`<"x" & 'y'>`);
    expect(textOf('<b:a x="1">t</b:a>', 'a')).toBe('t');
    expect(textOf('<a><b/></a>', 'a')).toBeNull();
  });
});
