/** Where log lines go. Lines are for people and never carry secrets: no keys, invites, passwords or tokens. */
export interface Log {
  debug(message: string, facts?: Facts): void;
  info(message: string, facts?: Facts): void;
  warn(message: string, facts?: Facts): void;
  error(message: string, facts?: Facts): void;
  /** A log whose lines name the part they come from, `engine/recorder`. */
  child(part: string): Log;
}

export type Facts = Readonly<Record<string, string | number | boolean | null | undefined>>;
type Level = 'debug' | 'info' | 'warn' | 'error';

/** Logs to `write` (stderr by default), one line each: time, level, part, message, key=value. */
export function createLog(part: string, options: { write?: (line: string) => void; debug?: boolean } = {}): Log {
  const write = options.write ?? ((line: string) => void process.stderr.write(line + '\n'));
  const log = (level: Level, message: string, facts: Facts = {}) => {
    if (level === 'debug' && !options.debug) return;
    const pairs = Object.entries(facts)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => ` ${key}=${typeof value === 'string' && /[\s"=]/.test(value) ? JSON.stringify(value) : value}`);
    // What others say (a peer, a rendezvous) neither begins a line of its own nor commands a terminal.
    write(oneLine(`${new Date().toISOString()} ${level.padEnd(5)} ${part}: ${redact(message)}${redact(pairs.join(''))}`));
  };
  return {
    debug: (message, facts) => log('debug', message, facts),
    info: (message, facts) => log('info', message, facts),
    warn: (message, facts) => log('warn', message, facts),
    error: (message, facts) => log('error', message, facts),
    child: (name) => createLog(`${part}/${name}`, options),
  };
}

/** Takes passwords in URLs, invites and tokens out of a line, should one have slipped in. */
export function redact(line: string): string {
  return line
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s"]*@/gi, '$1:***@')
    .replace(/\b(turns?:[^\s/:@]*):[^\s"]*@/gi, '$1:***@')
    .replace(/keyhole:[^\s"]+/gi, 'keyhole:***')
    .replace(/([?&]token=)[^&\s"]+/g, '$1***');
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}

export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};
