// `millrace run --watch`: runs a job again each time a file that it was made of changes.

import { type FSWatcher, watch } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { type JobModule, resolveJobModule } from '../engine/job-bundle.ts'
import type { Interruption } from './interruption.ts'
import { runOnce, type RunSettings, tellError } from './run.ts'
import { styleOf, type Terminal } from './terminal.ts'

/** Editors write a file in several steps: what happens within this time is one change. */
const SETTLE_MS = 60

/** Waits for changes of files. Folders are watched, since editors replace files by rename. */
class FileWatch {
  readonly #watchers = new Map<string, FSWatcher>()
  #files: ReadonlySet<string> = new Set()
  #changed: () => void = () => {}

  setFiles(files: readonly string[]): void {
    this.#files = new Set(files)
    const folders = new Set(files.map((file) => dirname(file)))
    for (const [folder, watcher] of this.#watchers)
      if (!folders.has(folder)) {
        watcher.close()
        this.#watchers.delete(folder)
      }
    for (const folder of folders) {
      if (this.#watchers.has(folder)) continue
      const watcher = watch(folder, (_, name) => {
        if (name === null || this.#files.has(resolve(folder, basename(name)))) this.#changed()
      })
      // A folder that vanishes takes its files with it: the next build says so.
      watcher.on('error', () => this.#changed())
      this.#watchers.set(folder, watcher)
    }
  }

  /** Resolves after the next change has settled, or when aborted. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#changed = () => {}
        resolve()
      }
      this.#changed = () => {
        clearTimeout(timer)
        timer = setTimeout(done, SETTLE_MS)
      }
      if (signal.aborted) done()
      else signal.addEventListener('abort', done, { once: true })
    })
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close()
  }
}

/** Runs until interrupted. A job that fails, or does not parse, is run again after the next change. */
export async function watchJob(settings: RunSettings, interruption: Interruption, terminal: Terminal): Promise<number> {
  const files = new FileWatch()
  files.setFiles([resolve(settings.job)])
  let lastUrl: string | undefined
  let run: { readonly ended: Promise<unknown>; readonly controller: AbortController } | undefined
  const say = (text: string): void => {
    if (settings.progress !== 'quiet') interruption.say(`${styleOf(terminal).dim(text)}\n`)
  }
  try {
    while (!interruption.signal.aborted) {
      // Asked for before the build: a change while it is made must not be missed.
      const changed = files.next(interruption.signal)
      const module = await build(settings, terminal)
      if (module === undefined) say(`Waiting for changes of ${settings.job}`)
      else files.setFiles(module.inputs)
      if (module !== undefined && module.url !== lastUrl) {
        if (run !== undefined) {
          run.controller.abort()
          await run.ended
        }
        if (lastUrl !== undefined) say(`${settings.job} changed, running it again`)
        lastUrl = module.url
        const controller = new AbortController()
        const signal = AbortSignal.any([interruption.signal, controller.signal])
        const runAndSay = async (): Promise<void> => {
          await runOnce(settings, module, interruption, terminal, signal)
          if (!signal.aborted) say(`Waiting for changes of ${settings.job}`)
        }
        const ended = runAndSay()
        run = { ended, controller }
      }
      await changed
    }
    await run?.ended
    return interruption.exitCode
  } finally {
    files.close()
  }
}

async function build(settings: RunSettings, terminal: Terminal): Promise<JobModule | undefined> {
  try {
    return await resolveJobModule(settings.job, true)
  } catch (error) {
    tellError(error, settings, undefined, terminal)
    return undefined
  }
}
