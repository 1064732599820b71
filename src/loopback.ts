import { isIP } from 'node:net'

/** A host that only this machine can reach, or an address of it. */
export const isLoopback = (host: string) =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
