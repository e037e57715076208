/**
 * Maps one UDP port from inside a namespace, by the protocol given, or says that it cannot; then says what comes in on it. Ends
 * with stdin, after it has taken the mapping away.
 */
import { systemClock } from '../../electron/base/clock.ts';
import { createLog } from '../../electron/base/log.ts';
import { PortMapper } from '../../peer/nat/port-mapper.ts';
import type { PortMappingProtocol } from '../../peer/nat/report.ts';
import { openUdp } from '../../peer/nat/udp.ts';

const [protocol = '', port = ''] = process.argv.slice(2);
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

const mapper = new PortMapper({ clock: systemClock, log: createLog('map'), protocols: [protocol as PortMappingProtocol] });
say({ event: 'findings', findings: await mapper.findings() });
const socket = await openUdp('0.0.0.0', { port: Number(port) });
socket.on('message', (bytes) => say({ event: 'heard', text: String(bytes) }));
const mapping = await mapper.map(Number(port));
if (mapping) {
  const { externalAddress, externalPort, lifetimeS, localAddress } = mapping;
  say({ event: 'mapped', protocol: mapping.protocol, externalAddress, externalPort, lifetimeS, localAddress });
} else {
  say({ event: 'none' });
}
process.stdin.resume().on('end', () => void mapper.close().then(() => process.exit(0)));
