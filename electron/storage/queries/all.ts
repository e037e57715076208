import type { StorageCalls } from '../interface.ts';
import type { SqlDatabase } from '../sql.ts';
import { archiveQueries } from './archive.ts';
import { cameraQueries } from './cameras.ts';
import { deletionQueries } from './deletion.ts';
import { eventQueries } from './events.ts';
import { foldingQueries } from './gap-folding.ts';
import { gapQueries } from './gaps.ts';
import { indexQueries } from './index-check.ts';
import { pathQueries } from './paths.ts';
import { proofQueries } from './proofs.ts';
import { protectedQueries } from './protected.ts';
import { retentionQueries } from './retention.ts';
import { runQueries } from './runs.ts';
import { segmentQueries } from './segments.ts';
import { settingQueries } from './settings.ts';
import { spanQueries } from './spans.ts';

/** Every query, its statements prepared once. */
export function allQueries(db: SqlDatabase): StorageCalls {
  const { extend, cut, spans, around } = spanQueries(db);
  return {
    ...cameraQueries(db),
    ...settingQueries(db),
    ...segmentQueries(db, { extend, cut }),
    ...deletionQueries(db, { extend, cut }),
    ...indexQueries(db, { extend, cut }),
    spans,
    around,
    ...gapQueries(db),
    ...eventQueries(db),
    ...runQueries(db),
    ...pathQueries(db),
    ...proofQueries(db),
    ...archiveQueries(db),
    ...retentionQueries(db),
    ...protectedQueries(db),
    ...foldingQueries(db),
  };
}
