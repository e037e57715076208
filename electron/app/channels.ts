/** The two messages between preload and main, and the address of the page: the whole bridge. */

/** Page's preload -> main, with the connection's number: a port to the engine is wanted. */
export const OPEN_PORT = 'keyhole:open-port';
/** Main -> preload, with that number and the port. */
export const PORT_ARRIVED = 'keyhole:port-arrived';

/** Every URL of our page begins so. (Its `origin` is "null" to Node, so that prefixes are compared.) */
export const UI_PREFIX = 'app://ui/';
