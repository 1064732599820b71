const containers = [
  'c-1',
  'c-2',
  'unknown',
  '../etc',
  '',
  'x'.repeat(65),
  '__proto__',
  'constructor',
  'ü\u0000',
]
const ops = ['subscribe', 'unsubscribe', 'ping', 'auth', 'SUBSCRIBE', '', 'toString', '__proto__']
const keys = [
  'op',
  'containerId',
  'afterSeq',
  'epoch',
  'deltas',
  'token',
  '__proto__',
  'constructor',
  'length',
]
const valid = [
  '{"op":"ping"}',
  '{"op":"subscribe","containerId":"c-1","afterSeq":0}',
  '{"op":"subscribe","containerId":"c-2","epoch":"e","afterSeq":3,"deltas":true}',
  '{"op":"subscribe","containerId":"unknown"}',
  '{"op":"unsubscribe","containerId":"c-1"}',
  '{"op":"auth","token":"a-token-that-nobody-has"}',
]
const bits = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\',
  '\\u0000',
  '\ud83d\ude00',
  '1e999',
  '-0',
  'null',
  ' ',
  '\n',
  '\u2028',
]

/** Random things that can be repeated: the same seed gives the same ones. */
export function createFuzz(seed: number) {
  let state = seed >>> 0
  /** xorshift32: its low bits are random too. */
  function below(limit: number): number {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state % limit
  }
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T
  const chance = (oneIn: number) => below(oneIn) === 0

  function value(depth = 0): unknown {
    const plain = [
      null,
      true,
      false,
      0,
      -1,
      1.5,
      2 ** 53,
      -(2 ** 31),
      1e308,
      '',
      '0',
      pick(containers),
      pick(ops),
    ]
    if (depth > 3 || chance(2)) return pick(plain)
    const size = below(4)
    if (chance(2)) return Array.from({ length: size }, () => value(depth + 1))
    return Object.fromEntries(Array.from({ length: size }, () => [pick(keys), value(depth + 1)]))
  }

  /** Bytes taken out, put in, doubled or exchanged. */
  function mutate(text: string): string {
    let mutated = text
    for (let left = 1 + below(4); left > 0; left -= 1) {
      const at = below(mutated.length + 1)
      const rest = mutated.slice(at + below(3))
      mutated = mutated.slice(0, at) + (chance(3) ? '' : chance(4) ? mutated : pick(bits)) + rest
    }
    return mutated
  }

  function shaped(): string {
    const frame: Record<string, unknown> = { op: pick(ops) }
    for (const key of keys.slice(1, 6)) if (chance(2)) frame[key] = chance(2) ? value() : pick(containers)
    return JSON.stringify(frame)
  }

  return {
    chance,
    pick,
    below,
    value,
    mutate,
    frame(): string {
      if (chance(500)) return '['.repeat(below(20_000))
      if (chance(500)) return `{"op":"subscribe","containerId":"${'x'.repeat(below(50_000))}"}`
      return pick([() => pick(valid), () => mutate(pick(valid)), shaped, () => JSON.stringify(value())])()
    },
  }
}
