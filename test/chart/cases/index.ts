import type { Case } from './case.ts'
import { ports, secrets, tokens } from './access.ts'
import { defaults } from './defaults.ts'
import { network, monitoring } from './network.ts'
import { image, extra } from './pods.ts'
import { scale, volumes, redis } from './scale.ts'

/** Values and what they do. */
export const cases: Case[] = [
  ...defaults,
  ...image,
  ...extra,
  ...ports,
  ...secrets,
  ...tokens,
  ...scale,
  ...volumes,
  ...redis,
  ...network,
  ...monitoring,
]
