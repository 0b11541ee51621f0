// The suite every file system must pass that checkpoints and sinks are given.
import { describe, expect, test } from 'vitest'
import type { AsyncFileCalls, FileCall, FileSystem } from '../../src/base/file-system.ts'

/** A file system and a folder in it that is empty. */
export interface FilesUnderTest {
  readonly files: FileSystem
  readonly folder: string
}

const failing = (code: string): unknown => expect.objectContaining({ code })
const bytesOf = (text: string): Uint8Array => Buffer.from(text)

/** Runs the suite: once by the calls that wait, once by those that do not. */
export function fileSystemContract(name: string, newFiles: () => FilesUnderTest): void {
  /** Every call as one that may be waited for. */
  const WAYS: readonly (readonly [string, (files: FileSystem) => AsyncFileCalls])[] = [
    ['asynchronous', (files) => files.async],
    [
      'synchronous',
      (files) =>
        new Proxy(files.async, {
          get:
            (_, call) =>
            async (...args: unknown[]) =>
              (files[call as FileCall] as (...given: unknown[]) => unknown)(...args),
        }),
    ],
  ]

  describe.each(WAYS)(`${name} keeps the contract of a file system, %s`, (_way, callsOf) => {
    const open = (): {
      readonly calls: AsyncFileCalls
      readonly at: (path: string) => string
      text(path: string): Promise<string>
      put(path: string, text: string): Promise<void>
    } => {
      const { files, folder } = newFiles()
      const calls = callsOf(files)
      const at = (path: string): string => `${folder}/${path}`
      return {
        calls,
        at,
        text: async (path) => Buffer.from(await calls.read(at(path))).toString(),
        put: async (path, text) => {
          const file = await calls.open(at(path), 'w')
          await calls.write(file, bytesOf(text), 0, text.length, null)
          await calls.close(file)
        },
      }
    }

    test('a file holds what was written, in turn and at positions, and is cut off', async () => {
      const { calls, at, text } = open()
      const file = await calls.open(at('a'), 'w')
      expect(await calls.write(file, bytesOf('..hello..'), 2, 5, null)).toBe(5)
      expect(await calls.write(file, bytesOf(' you'), 0, 4, null)).toBe(4)
      expect(await calls.write(file, bytesOf('J'), 0, 1, 0)).toBe(1)
      await calls.sync(file)
      await calls.close(file)
      expect(await text('a')).toBe('Jello you')
      const again = await calls.open(at('a'), 'r+')
      await calls.truncate(again, 4)
      await calls.write(again, bytesOf('y'), 0, 1, 4)
      await calls.write(again, bytesOf('!'), 0, 1, 6)
      await calls.close(again)
      expect(await text('a')).toBe('Jelly\0!')
      await expect(calls.write(again, bytesOf('x'), 0, 1, 0)).rejects.toThrow(failing('EBADF'))
    })

    test('how a file is opened decides what may be there', async () => {
      const { calls, at, text, put } = open()
      for (const mode of ['r', 'r+'] as const) await expect(calls.open(at('a'), mode)).rejects.toThrow(failing('ENOENT'))
      await expect(calls.open(at('none/a'), 'w')).rejects.toThrow(failing('ENOENT'))
      await calls.close(await calls.open(at('a'), 'wx'))
      await expect(calls.open(at('a'), 'wx')).rejects.toThrow(failing('EEXIST'))
      await put('a', 'long')
      await put('a', 'ab')
      expect(await text('a')).toBe('ab')
      await expect(calls.open(at(''), 'w')).rejects.toThrow(failing('EISDIR'))
      await expect(calls.read(at(''))).rejects.toThrow(failing('EISDIR'))
      await expect(calls.read(at('b'))).rejects.toThrow(failing('ENOENT'))
    })

    test('folders are made, listed, synced and removed when they are empty', async () => {
      const { calls, at, put } = open()
      await calls.makeFolder(at('f'))
      await expect(calls.makeFolder(at('f'))).rejects.toThrow(failing('EEXIST'))
      await expect(calls.makeFolder(at('none/f'))).rejects.toThrow(failing('ENOENT'))
      await put('f/a', 'x')
      await calls.makeFolder(at('f/g'))
      expect([...(await calls.list(at('f')))].toSorted((left, right) => (left.name < right.name ? -1 : 1))).toEqual([
        { name: 'a', isFolder: false },
        { name: 'g', isFolder: true },
      ])
      await expect(calls.list(at('none'))).rejects.toThrow(failing('ENOENT'))
      await expect(calls.list(at('f/a'))).rejects.toThrow(failing('ENOTDIR'))
      const folder = await calls.open(at('f'), 'r')
      await calls.sync(folder)
      await calls.close(folder)
      await expect(calls.removeFolder(at('f'))).rejects.toThrow(failing('ENOTEMPTY'))
      await calls.remove(at('f/a'))
      await calls.removeFolder(at('f/g'))
      await calls.removeFolder(at('f'))
      expect(await calls.stat(at('f'))).toBeUndefined()
    })

    test('what stands at a path is told, nothing too', async () => {
      const { calls, at, put } = open()
      expect(await calls.stat(at('a'))).toBeUndefined()
      await put('a', 'xyz')
      const [file, folder] = [(await calls.stat(at('a')))!, (await calls.stat(at('')))!]
      expect([file.size, file.isFile(), file.isDirectory(), file.isFIFO()]).toEqual([3, true, false, false])
      expect([folder.isFile(), folder.isDirectory(), folder.isSocket(), folder.isCharacterDevice()]).toEqual([false, true, false, false])
      for (const path of ['a', 'none']) expect(await calls.behindLinks(at(path))).toBe(at(path))
    })

    test('a rename replaces what was there, a link does not; a removed name is gone, the file stays with its other', async () => {
      const { calls, at, text, put } = open()
      await put('a', 'new')
      await put('b', 'old')
      await calls.rename(at('a'), at('b'))
      expect(await text('b')).toBe('new')
      await expect(calls.rename(at('a'), at('b'))).rejects.toThrow(failing('ENOENT'))
      await calls.link(at('b'), at('c'))
      await expect(calls.link(at('b'), at('c'))).rejects.toThrow(failing('EEXIST'))
      await expect(calls.link(at('none'), at('d'))).rejects.toThrow(failing('ENOENT'))
      await calls.remove(at('b'))
      await calls.remove(at('b'))
      expect(await text('c')).toBe('new')
      await calls.makeFolder(at('f'))
      await put('f/a', 'inside')
      await calls.rename(at('f'), at('g'))
      expect(await text('g/a')).toBe('inside')
      await calls.makeFolder(at('h'))
      await expect(calls.rename(at('h'), at('g'))).rejects.toThrow(failing('ENOTEMPTY'))
    })
  })
}
