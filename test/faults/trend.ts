/** Least squares over points of time (ms) and bytes: how much it grows, bytes an hour. 0 for fewer than two. */
export function growthPerHour(points: readonly { readonly at: number; readonly bytes: number }[]): number {
  if (points.length < 2) return 0;
  const meanAt = mean(points.map(({ at }) => at));
  const meanBytes = mean(points.map(({ bytes }) => bytes));
  let above = 0;
  let below = 0;
  for (const { at, bytes } of points) {
    above += (at - meanAt) * (bytes - meanBytes);
    below += (at - meanAt) ** 2;
  }
  return below === 0 ? 0 : (above / below) * 3_600_000;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
