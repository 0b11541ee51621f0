// Which file a path led to: device, inode and a fingerprint of its first bytes. Renames keep it, a new file of the same name does not have it.

import { fstatSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'

const FINGERPRINT_BYTES = 1024

/** Tells one file from another, also across renames and restarts. */
export interface FileIdentity {
  readonly device: string
  readonly inode: string
  /** How many bytes the checksum covers: fewer than a full fingerprint while the file is that short. */
  readonly length: number
  readonly checksum: number
}

/** The identity of an open file, with a fingerprint of at most its first `bytesMax` bytes. */
export function identityOf(file: number, bytesMax: number = Infinity): FileIdentity {
  const { dev, ino } = fstatSync(file, { bigint: true })
  const bytes = Buffer.alloc(Math.min(FINGERPRINT_BYTES, bytesMax))
  const length = bytes.length === 0 ? 0 : readSync(file, bytes, 0, bytes.length, 0)
  return { device: String(dev), inode: String(ino), length, checksum: crc32(bytes.subarray(0, length)) }
}

/** Whether an open file begins as the one that had this identity. */
export function hasFingerprint(file: number, identity: FileIdentity): boolean {
  const now = identityOf(file, identity.length)
  return now.length === identity.length && now.checksum === identity.checksum
}

/** Whether a fingerprint could cover more bytes once the file has grown. */
export function isShortFingerprint(identity: FileIdentity): boolean {
  return identity.length < FINGERPRINT_BYTES
}

export function isSameInode(left: FileIdentity, device: bigint, inode: bigint): boolean {
  return left.device === String(device) && left.inode === String(inode)
}
