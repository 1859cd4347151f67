// Other implementations of MLS, which only a clone of the project has: this package depends on none.

/**
 * Loads one.
 * @throws Error that says where it would be, if it isn't there
 */
export async function peer<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new Error(`${name} is measured in a clone of the project, with npm run bench`);
  }
}
