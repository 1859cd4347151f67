/** Writes the bundle of the program to the folder `dist`. Returns its path. */
export function bundle(name: string): Promise<string>;
