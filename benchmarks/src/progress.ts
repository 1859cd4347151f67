// What is being done, for a person who waits.

export type Progress = (text: string) => void;

/** A line that the next one replaces; only where a person looks on. */
export const progress: Progress = (text) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
};
