/** One measured figure. `against`: a rival or a bare limit measured in the same run; `ratio` is value / against.value. */
export interface BenchRow {
  name: string;
  value: number;
  unit: string;
  against?: { name: string; value: number; ratio: number };
  target?: string;
}
