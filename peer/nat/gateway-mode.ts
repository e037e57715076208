/** Whether this program may speak to the router of its network: KEYHOLE_GATEWAY=off keeps it from that (for tests). */
export function gatewaysAllowed(env: NodeJS.ProcessEnv = process.env): boolean {
  return env.KEYHOLE_GATEWAY !== 'off';
}
