// Loads on an engine's thread what the job's module will import, while the thread still waits for the module's name.

/** Starts to load the package; what goes wrong the job's own import will tell. `entryUrl` is the URL of a file beside the package's main file. */
export function preloadPackage(entryUrl: string): void {
  void import(new URL('index.js', entryUrl).href).catch(() => {})
}
