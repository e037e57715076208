/** The part of SQLite's binding that the queries use: only worker.ts knows which binding it is. */
export interface SqlStatement {
  run(...values: SqlParameters): { changes: number; lastInsertRowid: number | bigint };
  get(...values: SqlParameters): unknown;
  all(...values: SqlParameters): unknown[];
  iterate(...values: SqlParameters): Iterable<unknown>;
}

/** In the order of the question marks, or by name. */
export type SqlParameters = SqlValue[] | [Readonly<Record<string, SqlValue>>];

export type SqlValue = number | string | Uint8Array | null;

export interface SqlDatabase {
  prepare(sql: string): SqlStatement;
  exec(sql: string): unknown;
  pragma(pragma: string, options?: { simple?: boolean }): unknown;
  /** Runs `body` in a transaction: all of it, or nothing when it throws. */
  transaction<A extends unknown[], R>(body: (...args: A) => R): (...args: A) => R;
  close(): unknown;
}

export interface OpenOptions {
  readonly readonly?: boolean;
  readonly fileMustExist?: boolean;
  /** Milliseconds to wait for somebody else's lock. */
  readonly timeout?: number;
}

export type OpenSql = (path: string, options?: OpenOptions) => SqlDatabase;
