/** Told of each step of a long operation; `total` is undefined if it is not known yet. */
export type Progress = (phase: string, done: number, total?: number) => void;
