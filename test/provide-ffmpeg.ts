import { provideFfmpeg } from './fakes/ffmpeg.ts';

/** Before all tests of a run: its workers and programs inherit the PATH. */
export default provideFfmpeg;
