import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../electron/base/clock.ts';
import { asCoded, CodedError } from '../electron/base/errors.ts';
import { readFlags } from '../electron/base/flags.ts';
import { silentLog } from '../electron/base/log.ts';
import { runCommand, type ProgramIo } from '../electron/base/program.ts';
import { diagnose } from '../electron/doctor/doctor.ts';
import { note, problem, result, type CheckResult, type DoctorReport } from '../electron/doctor/report.ts';
import { defaultDataFolder } from '../electron/host/data-folder.ts';
import { CHECK_FILE, DATABASE_FILE } from '../electron/storage/layout.ts';
import { stunServerName } from '../peer/nat/stun-url.ts';
import { checkRendezvousUrl } from '../peer/signaling/rendezvous-client.ts';
import { keysOf } from './data-folder.ts';
import { findNat } from './nat.ts';

interface DoctorFlags {
  readonly data: string;
  readonly deep: boolean;
  readonly json: boolean;
  readonly repair: boolean;
  readonly rendezvous: readonly string[];
  readonly stun: readonly string[];
}

const DOCTOR_USAGE = `Usage: keyhole doctor [--data DIR] [--deep] [--repair] [--rendezvous URL]… [--stun URL]… [--json]
Looks over the index, the files, the ledger, the proofs, the storage folders, ffmpeg, disks and clock, also beside a running
Keyhole, and changes nothing. --deep reads every file, also those that only the archive has. --rendezvous or --stun also has a look at the router. --repair has Keyhole
compare all of its index with all files at its next start. Exit code 0: all is well; 1: something is wrong, and said what to do.`;
/** The router may be slow to say nothing. */
const NAT_WITHIN_MS = 20_000;

/** @throws CodedError `usage` */
export function parseDoctorFlags(argv: readonly string[]): DoctorFlags {
  const values = readFlags(
    argv,
    {
      data: { type: 'string' },
      deep: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      repair: { type: 'boolean', default: false },
      rendezvous: { type: 'string', multiple: true, default: [] },
      stun: { type: 'string', multiple: true, default: [] },
    },
    DOCTOR_USAGE,
  );
  if (values.data === '') throw new CodedError('usage', `--data takes a folder.\n${DOCTOR_USAGE}`);
  for (const url of values.stun)
    if (!stunServerName(url)) throw new CodedError('usage', `--stun takes stun:HOST or stun:HOST:PORT, not "${url}".\n${DOCTOR_USAGE}`);
  return { ...values, data: values.data ?? defaultDataFolder(), rendezvous: values.rendezvous.map(checkRendezvousUrl) };
}

async function runDoctor(flags: DoctorFlags, io: ProgramIo): Promise<void> {
  if (flags.repair) askForRepair(flags.data, io);
  const { rendezvous, stun } = flags;
  const nat = rendezvous.length + stun.length > 0 ? () => checkNat(rendezvous, stun, io) : null;
  const keys = await keysOf(flags.data);
  const report = await diagnose({ dataDir: flags.data, ...keys, clock: systemClock, log: silentLog, deep: flags.deep, nat });
  if (flags.json) io.event({ ...report });
  else process.stdout.write(doctorText(report));
  const problems = report.checks.flatMap(({ findings }) => findings.filter(({ level }) => level === 'problem'));
  if (problems.length > 0) throw new CodedError('not-clean', `${problems.length} problem(s) were found in ${flags.data}.`);
}

/** What a start does with it is done with the app's keys at hand, which this command has not. @throws CodedError `data-unwritable` */
function askForRepair(dataDir: string, io: ProgramIo): void {
  try {
    if (!existsSync(join(dataDir, DATABASE_FILE))) throw new Error('there is no Keyhole database');
    writeFileSync(join(dataDir, CHECK_FILE), '');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CodedError('data-unwritable', `Nothing can be asked for in ${dataDir} (${why}): name the data folder of the app.`, {
      cause: error,
    });
  }
  io.text('Keyhole checks the whole index and every file when it is started the next time: restart it now.');
}

async function checkNat(rendezvous: readonly string[], stun: readonly string[], io: ProgramIo): Promise<CheckResult> {
  try {
    const servers = stun.flatMap((url) => stunServerName(url) ?? []);
    const stop = AbortSignal.any([io.stop, AbortSignal.timeout(NAT_WITHIN_MS)]);
    const portMapping = process.env['KEYHOLE_GATEWAY'] !== 'off';
    const report = await findNat({ rendezvous, stun: servers, lifetime: false, portMapping, json: true }, { ...io, stop });
    const findings = report.udpBlocked
      ? [
          problem(
            'nat',
            'UDP does not get out of this network: cameras elsewhere are reached through a relay at most.',
            'Ask who runs the network, or use a relay.',
          ),
        ]
      : report.mapping === 'unknown'
        ? [note('nat', 'No server answered: what the router does is not known.', '')]
        : [];
    return result('nat', `${report.classical}, mapping ${report.mapping}, public address ${report.publicAddress ?? 'not known'}`, findings);
  } catch (error) {
    return result('nat', 'could not be looked at', [problem('nat', asCoded(error).message, 'See `keyhole nat`.')]);
  }
}

/** A report for people. */
export function doctorText({ dataDir, running, clean, checks }: DoctorReport): string {
  const lines = [`${dataDir}${running ? ' (Keyhole is running)' : ''}`, ''];
  const width = Math.max(...checks.map(({ name }) => name.length));
  for (const { name, ok, summary, findings } of checks) {
    lines.push(`${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(width)}  ${summary}`);
    for (const { level, text, advice, examples, count } of findings) {
      lines.push(`        ${level === 'problem' ? '!' : '-'} ${text}${advice ? ` ${advice}` : ''}`);
      for (const example of examples) lines.push(`            ${example}`);
      if (count > examples.length && examples.length > 0) lines.push(`            … and ${count - examples.length} more`);
    }
  }
  lines.push('', clean ? 'All is well.' : 'Not all is well.', '');
  return lines.join('\n');
}

/** `keyhole doctor …`. @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  return runCommand('doctor', DOCTOR_USAGE, argv, async (io) => runDoctor(parseDoctorFlags(argv), io));
}
