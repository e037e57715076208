/** One measured figure. `against`: a rival or a bare limit measured in the same run; `ratio` is value / against.value. */
export interface BenchRow {
  name: string;
  value: number;
  unit: string;
  /** Of the same samples, where `value` is their median. */
  p95?: number;
  against?: { name: string; value: number; ratio: number };
  target?: string;
}
