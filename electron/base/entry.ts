/**
 * Where a worker's or child's code is: beside its caller as TypeScript when run from a checkout (Node strips the types),
 * or in the one flat folder of the build.
 * @param from   `import.meta.url` of the caller
 * @param source path of the .ts file relative to the caller
 * @param built  name of the built file, without `.js`
 */
export function entryUrl(from: string, source: string, built: string): URL {
  return from.endsWith('.ts') ? new URL(source, from) : new URL(`./${built}.js`, from);
}
