export * from '../../electron/contract/zone.ts';

export const localZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;
