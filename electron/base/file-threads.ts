/** Threads in which the process works on files (and resolves names). A disk that hangs holds up to four of them for as long as it hangs. */
const FILE_THREADS = 32;

/**
 * Makes room beside disks that hang: of the four threads there are by default, one such disk takes all. To be called by a process's first
 * module, before anything was asked of a file; in a worker it changes nothing.
 */
export function moreFileThreads(): void {
  process.env['UV_THREADPOOL_SIZE'] ??= String(FILE_THREADS);
}
